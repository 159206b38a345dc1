"""Record an operator's decision on an order in review, a held invoice or a second payment.

- Each decision is made once. The audit log and the order's log say who made it and why.
- Approving credits the part of the price that counts as paid. If a different amount was paid, the operator must say
  which part.
- A plan's order is credited through a period, on the approved terms.
- Rejecting ends an order without credit, or dismisses the open problem of a settled order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.ledger.price import Price
from billing.orders import refund, working_set
from billing.orders.order import REASON_CHARACTERS_MAX, Order, OrderDecided, amend
from billing.orders.refund import Refund
from billing.orders.reversal import OrderResult, end_unpaid, is_uncredited, sent_back, worth_of
from billing.orders.settlement import settle
from billing.orders.working_set import OrderWorkingSet, UncreditedPayments
from billing.providers import event_log
from billing.providers.event_log import LogEntry, NotificationRef, in_words
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.free_period import approve_held, approve_order
from billing.subscriptions.records import HeldInvoice
from billing.subscriptions.subscription import Period, Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.errors import InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction

Verdict = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A case that is waiting for a decision. `came` is the reported payment. `credits_micros` is for the whole price.

    `invoice_id` is None if the case is the order itself.
    """

    price: Price
    came: Price | None
    credits_micros: int
    invoice_id: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Credit an order that is waiting for an operator, or end it without credit.

    `amount` is the part of the price that counts as paid. None means the whole price, if it was paid.
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
                f"The order is {order.status}, so there is nothing to {self.verdict}.",
                extra={"order_id": order.id, "order_status": order.status},
            )
        under_way = state.working_set(UncreditedPayments).open_refund(order.id)
        if under_way is None and not order.is_settled:
            under_way = working_set.refunds.open_of(order.id)
        if under_way is not None:
            raise OrderDecided(
                f"Refund {under_way.id} of payment {under_way.payment_ref} is "
                f"{under_way.status}. Wait until the refund ends, then decide.",
                extra={"order_id": order.id, "order_status": order.status},
            )
        if self.verdict == "approve":
            _check_whole(state, order, held)
            return self._approve(state, order, begun, held)
        for one in held:
            state.working_set(SubscriptionWorkingSet).resolve(one)
        what = "rejected" if order.status == "review" else "dismissed"
        detail = f"{what} by {self._signed}: {order.reason or 'settled before'}"
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
            raise InvalidInput(
                "This amount is too small to give any credit. Reject the order instead.",
                param="amount",
            )
        counted = in_words(Price(amount, waiting.price.currency))
        detail = f"approved by {self._signed}: {order.reason or f'invoice {waiting.invoice_id}'}"
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
            state.working_set(OrderWorkingSet).resolve(order.id)
        return self._noted(state, order, resolved, "approved", detail)

    def _amount(self, waiting: OpenReview) -> int:
        price = waiting.price
        if self.amount is None:
            if waiting.came == price:
                return price.amount
            came = "an unknown sum" if waiting.came is None else in_words(waiting.came)
            raise InvalidInput(
                f"{in_words(price)} was expected, but {came} was paid. State how much of {in_words(price)} to credit.",
                param="amount",
            )
        if not 0 < self.amount <= price.amount:
            raise InvalidInput(
                f"The amount must be above 0 and at most the price, {in_words(price)}.",
                param="amount",
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
    def _signed(self) -> str:
        return f"{self.by} ({self.note})" if self.note else self.by


def _check_whole(state: BatchState, order: Order, held: list[HeldInvoice]) -> None:
    """Raise InvalidInput if part of a plan's payment was returned, because the rest can't pay for a period."""
    ref = held[0].invoice_id if held else order.payment_id
    payment = None if ref is None else state.working_set(UncreditedPayments).named(order.id, ref)
    if payment is not None and payment.refunded_amount:
        gone = in_words(Price(payment.refunded_amount, payment.currency))
        raise InvalidInput(
            f"{gone} of payment {ref} was refunded or disputed, so the payment can't pay for a period. "
            "Refund the rest, or reject the order.",
            param="order_id",
        )


def waiting_of(
    order: Order, begun: Subscription | None, held: list[HeldInvoice], returned_amount: int = 0
) -> OpenReview:
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
    return Resolve(new_id("res"), order_id, tenant, verdict, actor or Actor(by), by, note, amount)


def _less(payment: Price, returned_amount: int) -> Price:
    return Price(max(0, payment.amount - returned_amount), payment.currency)


def _credited(order: Order, amount: int, micros: int, gone: int) -> Order:
    """Return the order with the credit to give.

    Credit for money that was already returned is included, because it is taken back at once.
    """
    paid, promotional = order.payment.amount, order.promotional_micros * amount // order.pay_amount
    return amend(
        order,
        credits_micros=worth_of(micros, paid, gone),
        promotional_micros=worth_of(promotional, paid, gone),
    )


# "comp" points to the subscription's page, where an operator can give the period free of charge.
CaseAct = Literal[
    "credit_paid", "credit_price", "credit_part", "comp", "refund", "reject", "dismiss"
]


@dataclass(frozen=True, slots=True)
class SpareMoney:
    ref: str
    paid: Price
    left: Price
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class Case:
    sentence: str
    reason: str | None
    expected: str
    came: str
    since: int
    money: SpareMoney | None = None


@dataclass(frozen=True, slots=True)
class OrderCases:
    """An order's open cases. `spare` is money for which no credit was given. `can_credit` is false if the period is
    already paid.
    """

    cases: Sequence[Case]
    spare: Sequence[SpareMoney]
    subscription_id: str | None = None
    can_credit: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self.cases)

    @property
    def under_way(self) -> Refund | None:
        return next((one.refund for one in self.spare if one.refund is not None), None)

    def acts(self, order: Order, waiting: OpenReview) -> list[CaseAct]:
        can_go_back = any(
            one.money is not None and one.money.refund is None and one.money.left.amount > 0
            for one in self.cases
        )
        refunds: list[CaseAct] = ["refund"] if can_go_back else []
        if not self.is_open or self.under_way is not None:
            return refunds
        found: list[CaseAct] = []
        came, price = waiting.came, waiting.price
        if self.can_credit:
            is_same = came is not None and came.currency == price.currency
            if is_same and came is not None and came.amount < price.amount:
                found.append("credit_paid")
            found += ["credit_price", "credit_part"]
            found += ["comp"] if waiting.invoice_id is not None else []
        return [*found, *refunds, "reject" if order.status == "review" else "dismiss"]


async def open_review(tx: Transaction, order: Order) -> OpenReview:
    if order.kind != "subscription":
        gone = sent_back(order, await refund.load(tx, [order.id]))
        return waiting_of(order, None, [], gone)
    begun = await subscription_rows.find_by_order(tx, order.id)
    held = [] if begun is None else await subscription_rows.load_held(tx, [begun.id])
    return waiting_of(order, begun, held)


async def cases_of(tx: Transaction, order: Order) -> OrderCases:
    entries = (await event_log.open_of(tx, [order.id])).get(order.id, [])
    if order.kind != "subscription":
        spare = await _spare(tx, order, (), ())
        return _made(order, entries, spare, can_credit=order.status == "review")
    begun = await subscription_rows.find_by_order(tx, order.id)
    if begun is None:
        return _made(order, entries, await _spare(tx, order, (), ()), can_credit=False)
    held = await subscription_rows.load_held(tx, [begun.id])
    periods = (await subscription_rows.load_periods(tx, [begun.id])).get(begun.id, [])
    spare = await _spare(tx, order, held, periods)
    starts = {one.period_start_at for one in periods if one.comp_ended_at is None}
    can_credit = held[0].period_start_at not in starts if held else order.status == "review"
    ref = held[0].invoice_id if held else order.payment_id
    waiting = spare.get(ref or "")
    is_whole = waiting is None or waiting.left == waiting.paid
    return _made(
        order, entries, spare, subscription_id=begun.id, can_credit=can_credit and is_whole
    )


def _made(
    order: Order,
    entries: Iterable[LogEntry],
    spare: Mapping[str, SpareMoney],
    *,
    subscription_id: str | None = None,
    can_credit: bool,
) -> OrderCases:
    listed = list(spare.values())
    cases = [_of_entry(entry, spare) for entry in entries]
    if not cases and order.status == "review":
        came = in_words(order.payment) if order.paid_amount is not None else ""
        money = None if order.payment_id is None else spare.get(order.payment_id)
        words = order.reason or "a decision"
        cases = [Case(words, None, in_words(order.price), came, order.created_at, money)]
    return OrderCases(cases, listed, subscription_id, can_credit)


def _of_entry(entry: LogEntry, spare: Mapping[str, SpareMoney]) -> Case:
    problem = entry.problem
    if problem is None:
        return Case(entry.detail, None, "", "", entry.received_at)
    money = None if problem.payment_ref is None else spare.get(problem.payment_ref)
    return Case(
        problem.sentence, problem.reason, problem.expected, problem.came, entry.received_at, money
    )


async def _spare(
    tx: Transaction, order: Order, held: Iterable[HeldInvoice], periods: Sequence[Period]
) -> dict[str, SpareMoney]:
    rows = await working_set.uncredited_of(tx, [order.id])
    credited = {one.invoice_id for one in periods}
    asked = await refund.load(tx, [order.id, *(one.id for one in rows)])
    under_way = {one.owner_id: one for one in asked if one.is_open}
    found: dict[str, SpareMoney] = {}
    for row in rows:
        if row.payment_ref not in credited:
            left = Price(row.left_amount, row.currency)
            found[row.payment_ref] = SpareMoney(
                row.payment_ref, row.price, left, under_way.get(row.id)
            )
    for one in held:
        found.setdefault(one.invoice_id, SpareMoney(one.invoice_id, one.paid, one.paid))
    ref, is_plan = order.payment_id, order.kind == "subscription"
    is_waiting = order.status in {"review", "failed"} and ref not in credited
    if ref is not None and (is_waiting if is_plan else is_uncredited(order)):
        paid = order.payment
        gone = sum(
            one.amount for one in asked if one.owner_id == order.id and one.status == "succeeded"
        )
        left = Price(max(0, paid.amount - max(gone, order.refunded_amount)), paid.currency)
        found.setdefault(ref, SpareMoney(ref, paid, left, under_way.get(order.id)))
    return found
