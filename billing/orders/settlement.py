"""Settle orders: attach a checkout, and end the order as paid or unpaid.

An order is credited once, and only if its own provider reports a payment of the agreed price. Any other payment
waits for review. A coupon's credit is promotional. Purchased credit pays debts first.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.price import Price
from billing.orders.order import REASON_CHARACTERS_MAX, SETTLED, Order, amend, move, next_check_at
from billing.orders.records import OrderClaim
from billing.orders.reversal import OnOrder, OrderResult, apply_reversals, end_unpaid, reclaim
from billing.orders.working_set import OrderWorkingSet, UncreditedPayments, new_payment
from billing.providers.event_log import Problem, in_words, other_price
from billing.recharges.recharge import note_paid
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachCheckout(OnOrder):
    """Attach an opened checkout to its order.

    The order's state doesn't change. The payment may already have arrived.
    """

    url: str
    provider_ref: str
    objects: tuple[str, ...] = ()
    customer_ref: str | None = None
    invoice_pdf: str | None = None
    notification: None = None

    def declare(self, read_set: ReadSet) -> None:
        OnOrder.declare(self, read_set)
        # The environment and provider of these claims are added later, when the order has been read.
        read_set.working_set(OrderWorkingSet).attached[self.order_id] = (
            self.provider_ref,
            *self.objects,
        )

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        opened = amend(
            order,
            url=self.url,
            provider_ref=self.provider_ref,
            customer_ref=self.customer_ref or order.customer_ref,
            invoice_pdf=self.invoice_pdf,
            opened_at=order.opened_at or state.now_us,
        )
        if opened == order:
            return OrderResult(order, "repeated")
        state.working_set(OrderWorkingSet).change(opened)
        return OrderResult(opened, "applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePaid(OnOrder):
    """Settle an order with a payment. `objects` are the payment's other IDs at the provider.

    `objection` is the reason why the payment may be for something else.
    """

    payment_id: str
    price: Price
    objects: tuple[str, ...] = ()
    customer_ref: str | None = None
    objection: str | None = None
    method: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        OnOrder.declare(self, read_set)
        assert self.notification is not None, "a payment is told by somebody"
        read_set.working_set(UncreditedPayments).orders.add(self.order_id)
        for object_id in (self.payment_id, *self.objects):
            read_set.working_set(OrderWorkingSet).claims.add(self._claim(object_id))

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        if order.payment_id == self.payment_id:
            return OrderResult(order, "repeated")
        working_set = state.working_set(OrderWorkingSet)
        problem = self._problem(state, order)
        went_back = order.payment_id is not None and working_set.refunds.of(order.id)
        if order.status in SETTLED or order.status == "review" or went_back:
            # A second payment is left to an operator. If it were credited, our refund of the first payment would take
            # that credit.
            return self._beside(state, order, problem or self._second(order))
        if problem is not None:
            reviewed = move(
                order,
                "review",
                payment_id=self.payment_id,
                paid_amount=self.price.amount,
                paid_currency=self.price.currency,
                reason=problem.sentence[:REASON_CHARACTERS_MAX],
                customer_ref=self.customer_ref or order.customer_ref,
            )
            reclaim(state, order)
            working_set.change(reviewed)
            named = replace(problem, payment_ref=self.payment_id)
            return OrderResult(reviewed, "review", problem.sentence, named)
        other = self.other_sum(order)
        paid = settle(
            state,
            order,
            payment_id=self.payment_id,
            customer_ref=self.customer_ref or order.customer_ref,
            paid_amount=None if other is None else other.amount,
            paid_currency=None if other is None else other.currency,
        )
        return OrderResult(paid, "applied")

    def other_sum(self, order: Order) -> Price | None:  # noqa: ARG002
        """Return the paid amount if it may differ from the order's price, else None."""
        return None

    def _beside(self, state: BatchState, order: Order, problem: Problem) -> OrderResult:
        payments = state.working_set(UncreditedPayments)
        if payments.named(order.id, self.payment_id) is not None:
            return OrderResult(order, "repeated", problem.sentence)
        owner = state.working_set(OrderWorkingSet).owner_of(self._claim(self.payment_id))
        if owner == order.id:
            payments.save(new_payment(order, self.payment_id, self.price, state.now_us))
        named = replace(problem, payment_ref=self.payment_id)
        return OrderResult(order, "review", problem.sentence, named)

    def conflict(self, state: BatchState, order: Order) -> Problem | None:  # noqa: ARG002
        return None if self.price == order.price else other_price(self.price, order.price)

    def _problem(self, state: BatchState, order: Order) -> Problem | None:
        conflict = self.conflict(state, order)
        if conflict is not None:
            return conflict
        if self.method is not None and order.method not in {None, self.method}:
            sentence = f"{self.method} was paid with, not {order.method}"
            return Problem("method", sentence, order.method or "", self.method)
        owner = state.working_set(OrderWorkingSet).owner_of(self._claim(self.payment_id))
        if owner != order.id:
            sentence = f"payment {self.payment_id} is order {owner}'s"
            return Problem("second_payment", sentence, "a payment of its own", self.payment_id)
        if self.objection is not None:
            return Problem("method", self.objection, "what the order asked for", self.objection)
        return None

    def _second(self, order: Order) -> Problem:
        sentence = f"payment {self.payment_id} beside {order.payment_id}"
        came = f"{in_words(self.price)} as {self.payment_id}"
        return Problem("second_payment", sentence, f"{order.payment_id} alone", came)

    def _claim(self, object_id: str) -> OrderClaim:
        assert self.notification is not None
        return OrderClaim(
            self.notification.provider,
            self.notification.environment,
            object_id,
            self.tenant.account_id,
            self.order_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndUnpaid(OnOrder):
    status: Literal["failed", "expired"]
    reason: str | None = None

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        if order.status == self.status:
            return OrderResult(order, "repeated")
        if order.status != "pending":
            return OrderResult(order, "ignored", f"{self.status}, but the order is {order.status}")
        return OrderResult(end_unpaid(state, order, self.status, self.reason), "applied")


def ending(order: Order, status: Literal["failed", "expired"], reason: str) -> EndUnpaid:
    return EndUnpaid(
        order_id=order.id, tenant=order.tenant, notification=None, status=status, reason=reason
    )


@dataclass(frozen=True, slots=True)
class OrderNote:
    order_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def _found(self, state: BatchState) -> tuple[OrderWorkingSet, Order]:
        working_set = state.working_set(OrderWorkingSet)
        return working_set, working_set.find(self.order_id, self.tenant)


@dataclass(frozen=True, slots=True)
class Checked:
    order: Order
    is_mine: bool


@dataclass(frozen=True, slots=True)
class NoteCheck(OrderNote):
    """Count a check of an order. If two workers read the same seen_checks_made, only one continues."""

    seen_checks_made: int

    def decide(self, state: BatchState) -> Checked:
        working_set, order = self._found(state)
        if order.status != "pending" or order.checks_made != self.seen_checks_made:
            return Checked(order, is_mine=False)
        made = order.checks_made + 1
        checked = amend(
            order,
            checks_made=made,
            next_check_at=next_check_at(made, state.now_us),
            checked_at=order.checked_at if order.provider_ref is None else state.now_us,
        )
        working_set.change(checked)
        return Checked(checked, is_mine=True)


def settle(
    state: BatchState,
    order: Order,
    *,
    payment_id: str | None,
    reason: str | None = None,
    **changes: Any,
) -> Order:
    """Credit an unpaid order, then take back credit for the part of its payment that was already returned."""
    paid = move(
        order, "paid", payment_id=payment_id, paid_at=state.now_us, reason=reason, **changes
    )
    ledger, tenant = state.ledger, order.tenant
    purchased_micros = order.credits_micros - order.promotional_micros
    if purchased_micros:
        source = ledger.account(tenant, LedgerAccountKind.PROVIDER, order.provider)
        state.credit(tenant, source, purchased_micros, Code.PURCHASE, subject_id=order.id)
    if order.promotional_micros:
        grant = ledger.account(tenant, LedgerAccountKind.GRANT, order.id)
        promotion = ledger.account(tenant, LedgerAccountKind.PROMOTION)
        state.move(promotion, grant, order.promotional_micros, Code.GRANT, subject_id=order.id)
    reclaim(state, order)
    state.working_set(OrderWorkingSet).change(paid)
    state.publish(tenant, "order.paid", paid.shape(), order.reference)
    note_paid(state, state.working_set(OrderWorkingSet).recharges, order.id)
    # Limit earlier reversals to the paid amount. They may concern a larger, rejected payment.
    state.working_set(OrderWorkingSet).reversals.bound(paid.id, paid.payment.amount)
    return apply_reversals(state, paid)
