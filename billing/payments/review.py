"""Resolve what no rule may decide: an order in review, a held invoice, a second payment.

- Each decision is made once; both logs say who made it and why.
- Approving credits the share of the price that counts as paid, and never nothing. If another sum came, the
  amount is required, so that nobody credits the whole price by accident.
- A plan's order is credited by a period, at the approved terms.
- Rejecting ends an order uncredited, or dismisses what a settled one left open.
"""

from dataclasses import dataclass
from typing import Literal

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.ledger.price import Price
from billing.orders.ending import end_unpaid
from billing.orders.order import REASON_CHARACTERS_MAX, Order, OrderDecided, amend
from billing.orders.reversal import OrderResult
from billing.orders.settlement import settle
from billing.orders.uncredited import sent_back, worth_of
from billing.orders.uncredited_payment import UncreditedPayments
from billing.orders.working_set import OrderWorkingSet
from billing.providers.event_log import NotificationRef
from billing.providers.problem import in_words
from billing.subscriptions.approved_period import approve_held, approve_order
from billing.subscriptions.held_invoice import HeldInvoice
from billing.subscriptions.subscription import Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.errors import InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor

Verdict = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class OpenReview:
    """price: what it costs; came: what was paid, if reported. credits_micros: for the whole price.
    invoice_id: null for the order itself.
    """

    price: Price
    came: Price | None
    credits_micros: int
    invoice_id: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Credit an order that needs an operator, or end it uncredited.

    amount: how much of the price counts, in its smallest unit; None: all, if that came. Raises NotFound,
    InvalidInput for the amount, and OrderDecided.
    """

    resolution_id: str
    order_id: str
    tenant: Tenant
    verdict: Verdict
    actor: Actor
    by: str
    note: str = ""
    amount: int | None = None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)
        read_set.working_set(AuditEntries)
        read_set.working_set(UncreditedPayments).orders.add(self.order_id)
        read_set.working_set(SubscriptionWorkingSet).orders.add(self.order_id)

    def decide(self, state: BatchState) -> OrderResult:
        working_set = state.working_set(OrderWorkingSet)
        order = working_set.find(self.order_id, self.tenant)
        begun = state.working_set(SubscriptionWorkingSet).of_order(order.id)
        held = (
            [] if begun is None else list(state.working_set(SubscriptionWorkingSet).held(begun.id))
        )
        is_open = order.status == "review" or bool(held)
        if self.verdict == "reject":
            is_open = is_open or working_set.is_open(order.id)
        if not is_open:
            raise OrderDecided(
                f"the order is {order.status}; there is nothing to {self.verdict}",
                extra={"order_id": order.id, "order_status": order.status},
            )
        under_way = state.working_set(UncreditedPayments).open_refund(order.id)
        if under_way is None and not order.is_settled:
            under_way = working_set.refunds.open_of(order.id)
        if under_way is not None:
            raise OrderDecided(
                f"refund {under_way.id} of payment {under_way.payment_ref} is {under_way.status}; decide when it"
                " has ended",
                extra={"order_id": order.id, "order_status": order.status},
            )
        if self.verdict == "approve":
            _check_whole(state, order, held)
            return self._approve(state, order, begun, held)
        for one in held:
            state.working_set(SubscriptionWorkingSet).resolve(one)
        what = "rejected" if order.status == "review" else "dismissed"
        detail = f"{what} by {self._who}: {order.reason or 'settled before'}"
        resolved = order
        if order.status == "review":
            resolved = end_unpaid(state, order, "failed", detail[:REASON_CHARACTERS_MAX])
        working_set.resolve(order.id)
        return self._noted(state, order, resolved, what, detail)

    def _approve(
        self, state: BatchState, order: Order, begun: Subscription | None, held: list[HeldInvoice]
    ) -> OrderResult:
        refunds = state.working_set(OrderWorkingSet).refunds.of(order.id)
        gone = 0 if order.is_settled else sent_back(order, refunds)
        waiting = waiting_of(order, begun, held, gone)
        amount = self._amount(waiting)
        micros = waiting.credits_micros * amount // waiting.price.amount
        if micros <= 0:
            raise InvalidInput("so little gives no credit at all; reject it", param="amount")
        counted = in_words(Price(amount, waiting.price.currency))
        detail = f"approved by {self._who}: {order.reason or f'invoice {waiting.invoice_id}'}"
        if amount != waiting.price.amount or waiting.came not in {None, waiting.price}:
            detail = f"{detail}; {counted} counts as paid"
        resolved = order
        if begun is not None:
            if held:
                approve_held(state, begun, held[0], micros)
            else:
                approve_order(state, begun, order, micros)
        if order.status == "review":
            reason = detail[:REASON_CHARACTERS_MAX]
            given = order if begun is not None else _credited(order, amount, micros, gone)
            resolved = settle(state, given, payment_id=order.payment_id, reason=reason)
        if len(held) <= 1:
            # Another held invoice leaves the order among those that wait.
            state.working_set(OrderWorkingSet).resolve(order.id)
        return self._noted(state, order, resolved, "approved", detail)

    def _amount(self, waiting: OpenReview) -> int:
        price = waiting.price
        if self.amount is None:
            if waiting.came == price:
                return price.amount
            came = "an unknown sum" if waiting.came is None else in_words(waiting.came)
            raise InvalidInput(
                f"{in_words(price)} was expected and {came} was paid:"
                f" say with amount how much of {in_words(price)} is to be credited",
                param="amount",
            )
        if not 0 < self.amount <= price.amount:
            raise InvalidInput(
                f"more than 0 and at most the price, {in_words(price)}", param="amount"
            )
        return self.amount

    def _noted(
        self, state: BatchState, order: Order, resolved: Order, what: str, detail: str
    ) -> OrderResult:
        notification = NotificationRef(
            order.provider, order.environment, self.resolution_id, f"operator.{what}"
        )
        owner = (order.account_id, order.id)
        state.working_set(OrderWorkingSet).note(
            notification, owner, "applied", detail, state.now_us
        )
        entry = audit_log.entry(
            self.actor,
            f"order.{self.verdict}",
            environment=order.environment,
            account_id=order.account_id,
            subject_id=order.id,
            before={"status": order.status, "reason": order.reason},
            after={"status": resolved.status, "reason": resolved.reason, "decided": detail},
            reason=self.note or None,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)
        return OrderResult(resolved, "applied", detail)

    @property
    def _who(self) -> str:
        return f"{self.by} ({self.note})" if self.note else self.by


def _check_whole(state: BatchState, order: Order, held: list[HeldInvoice]) -> None:
    """Raise InvalidInput if part of a plan's payment is gone: that pays for no part of its period."""
    ref = held[0].invoice_id if held else order.payment_id
    payment = None if ref is None else state.working_set(UncreditedPayments).named(order.id, ref)
    if payment is not None and payment.refunded_amount:
        gone = in_words(Price(payment.refunded_amount, payment.currency))
        raise InvalidInput(
            f"{gone} of payment {ref} went back or is disputed, so it pays for no period: refund"
            " the rest, or reject it",
            param="order_id",
        )


def waiting_of(
    order: Order, begun: Subscription | None, held: list[HeldInvoice], returned_amount: int = 0
) -> OpenReview:
    """Return what an approval would be about; of several held invoices the oldest. returned_amount: how much
    of the payment our refunds returned.
    """
    if held:
        one = held[0]
        return OpenReview(one.price, one.came, one.credits_micros, one.invoice_id)
    came = None if order.paid_amount is None else _less(order.payment, returned_amount)
    credits_micros = order.credits_micros if begun is None else begun.credits_micros
    return OpenReview(order.price, came, credits_micros)


def new_resolution(
    order_id: str,
    tenant: Tenant,
    verdict: Verdict,
    *,
    by: str,
    note: str = "",
    amount: int | None = None,
    actor: Actor | None = None,
) -> Resolve:
    """Return the command with a fresh ID. actor None: the person on the command line."""
    return Resolve(new_id("res"), order_id, tenant, verdict, actor or Actor(by), by, note, amount)


def _less(payment: Price, returned_amount: int) -> Price:
    return Price(max(0, payment.amount - returned_amount), payment.currency)


def _credited(order: Order, amount: int, micros: int, gone: int) -> Order:
    """Return the order with the credited share, and the coupon's part of it. What was already returned takes
    its share of both at once, so each is that much more.
    """
    paid, promotional = order.payment.amount, order.promotional_micros * amount // order.pay_amount
    return amend(
        order,
        credits_micros=worth_of(micros, paid, gone),
        promotional_micros=worth_of(promotional, paid, gone),
    )
