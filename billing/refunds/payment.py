"""Find the payment that a refund returns."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.price import Price
from billing.orders.order import Order, due_micros as due_of_order
from billing.orders.refund import SaleWorkingSet, returned_of
from billing.orders.reversal import (
    SoldCredit,
    apply_reversals as apply_to_order,
    follow_refund,
    is_uncredited,
    sold_of as sold_by_order,
)
from billing.orders.working_set import OrderWorkingSet, UncreditedPayment, UncreditedPayments
from billing.subscriptions import uncredited
from billing.subscriptions.period import apply_reversals as apply_to_period
from billing.subscriptions.plan_credit import given_back_of, left_of, sold_of as sold_by_period
from billing.subscriptions.plan_grant import PlanGrant
from billing.subscriptions.subscription import Period, Subscription, due_micros as due_of_period
from billing.subscriptions.uncredited import follow_payment, waiting_payments
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundablePayment(ABC):
    """A payment that can be refunded. `rows` holds its refunds and reversals.

    If `is_whole_only`, the payment can only be refunded in full.
    """

    order: Order
    rows: SaleWorkingSet
    owner_id: str
    paid: Price
    payment_ref: str | None
    is_here: bool = True
    is_whole_only: bool = False
    is_beside: bool = False
    period_start_at: int | None = None

    @property
    def parts(self) -> Sequence[PlanGrant]:
        """Return the grants of a period whose credit comes in parts or expires."""
        return ()

    @property
    def returned_amount(self) -> int:
        return returned_of(self.rows.reversals.of(self.owner_id), self.paid.amount)

    @property
    @abstractmethod
    def sold(self) -> SoldCredit: ...

    @abstractmethod
    def due_micros(self, returned_amount: int) -> int: ...

    def available_micros(self, state: BatchState) -> int:
        return self.sold.available_micros(state)

    def save(self, state: BatchState) -> None:  # noqa: B027 the others have a row
        ...

    @abstractmethod
    def apply(self, state: BatchState, reason: str) -> None: ...


class OrderPayment(RefundablePayment):
    @classmethod
    def of(cls, order: Order, rows: OrderWorkingSet) -> "OrderPayment":
        return cls(
            order=order,
            rows=rows,
            owner_id=order.id,
            paid=order.payment,
            payment_ref=order.payment_id,
            is_here=order.is_settled or is_uncredited(order),
        )

    @property
    def sold(self) -> SoldCredit:
        return sold_by_order(self.order)

    def due_micros(self, returned_amount: int) -> int:
        return due_of_order(self.order, returned_amount) if self.order.is_settled else 0

    def apply(self, state: BatchState, reason: str) -> None:
        if is_uncredited(self.order):
            follow_refund(state, self.order)
        else:
            apply_to_order(state, self.order, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPayment(RefundablePayment):
    begun: Subscription
    period: Period

    @classmethod
    def of(
        cls, order: Order, rows: SubscriptionWorkingSet, begun: Subscription, period: Period
    ) -> "PeriodPayment":
        return cls(
            order=order,
            rows=rows,
            owner_id=period.id,
            paid=period.payment,
            payment_ref=period.invoice_id,
            period_start_at=period.period_start_at,
            begun=begun,
            period=period,
        )

    @property
    def parts(self) -> Sequence[PlanGrant]:
        assert isinstance(self.rows, SubscriptionWorkingSet), "a period lies there"
        return self.rows.plan_grants.of_period(self.period.id)

    @property
    def sold(self) -> SoldCredit:
        return sold_by_period(self.begun, self.period)

    def due_micros(self, returned_amount: int) -> int:
        if self.parts:
            return given_back_of(self.period, self.parts, returned_amount)
        return due_of_period(self.period, returned_amount)

    def available_micros(self, state: BatchState) -> int:
        return self.sold.available_micros(state) + left_of(state, self.begun, self.parts)

    def apply(self, state: BatchState, reason: str) -> None:
        apply_to_period(state, self.begun, self.period, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWithoutCredit(RefundablePayment):
    """A second payment of an order, or a plan payment that is waiting for an operator."""

    payment: UncreditedPayment

    @classmethod
    def of(
        cls, order: Order, rows: UncreditedPayments, payment: UncreditedPayment
    ) -> "PaymentWithoutCredit":
        return cls(
            order=order,
            rows=rows,
            owner_id=payment.id,
            paid=payment.price,
            payment_ref=payment.payment_ref,
            is_whole_only=order.kind == "subscription",
            is_beside=payment.payment_ref != order.payment_id,
            payment=payment,
        )

    @property
    def sold(self) -> SoldCredit:
        return SoldCredit(
            id=self.payment.id,
            tenant=self.order.tenant,
            provider=self.order.provider,
            credits_micros=0,
        )

    def due_micros(self, returned_amount: int) -> int:  # noqa: ARG002
        return 0

    def save(self, state: BatchState) -> None:
        payments = state.working_set(UncreditedPayments)
        if payments.find(self.payment.id) is None:
            payments.save(self.payment)

    def apply(self, state: BatchState, reason: str) -> None:  # noqa: ARG002
        follow_payment(state, self.order, self.payment)


def declare(
    read_set: ReadSet, order_id: str, tenant: Tenant, *, is_plan: bool, is_other: bool
) -> None:
    read_set.tenants.add(tenant)
    read_set.working_set(OrderWorkingSet).ids.add(order_id)
    if is_plan:
        read_set.working_set(SubscriptionWorkingSet).orders.add(order_id)
    if is_other:
        uncredited.declare(read_set, order_id)


def payment_of(
    state: BatchState, order_id: str, tenant: Tenant, *, owner_id: str, period_start_at: int | None
) -> RefundablePayment:
    orders = state.working_set(OrderWorkingSet)
    order = orders.find(order_id, tenant)
    if owner_id == order.id:
        return OrderPayment.of(order, orders)
    if period_start_at is None:
        payments = state.working_set(UncreditedPayments)
        found = payments.find(owner_id)
        if found is None:
            raise NotFound("Payment")
        return PaymentWithoutCredit.of(order, payments, found)
    subscriptions = state.working_set(SubscriptionWorkingSet)
    begun = subscriptions.of_order(order.id)
    period = None if begun is None else subscriptions.period((begun.id, period_start_at))
    if begun is None or period is None:
        raise NotFound("Period", param="period_id")
    return PeriodPayment.of(order, subscriptions, begun, period)


def named_payment(
    state: BatchState,
    order_id: str,
    tenant: Tenant,
    *,
    period_id: str | None,
    payment_ref: str | None,
    is_plan: bool,
) -> RefundablePayment:
    """Return the named payment. By default, return the order's own payment or its plan's only payment.

    Raise NotFound if there is none, and InvalidInput if several payments are possible.
    """
    orders = state.working_set(OrderWorkingSet)
    order = orders.find(order_id, tenant)
    if period_id is not None and not is_plan:
        raise InvalidInput("The order doesn't belong to a plan.", param="period_id")
    if payment_ref is not None and period_id is not None:
        raise InvalidInput("Give the period or the payment, not both.", param="payment")
    if not is_plan and payment_ref in {None, order.payment_id}:
        return OrderPayment.of(order, orders)
    found = _of_plan(state, order) if is_plan else _beside(state, order)
    if period_id is not None:
        found = [one for one in found if one.owner_id == period_id]
        if not found:
            raise NotFound("Period", param="period_id")
    elif payment_ref is not None:
        found = [one for one in found if one.payment_ref == payment_ref]
        if not found:
            raise NotFound("Payment", param="payment")
    return _only(found)


def _only(found: Sequence[RefundablePayment]) -> RefundablePayment:
    if not found:
        raise NotFound("Period", param="period_id")
    # If there are paid periods, choose only among them. To refund an uncredited payment, the caller must name it.
    periods = [one for one in found if one.period_start_at is not None] or list(found)
    if len(periods) == 1:
        return periods[0]
    if periods[0].period_start_at is None:
        listed = ", ".join(str(one.payment_ref) for one in periods[-5:])
        raise InvalidInput(
            f"{len(periods)} payments of the plan are waiting for a decision. Choose one. The latest: {listed}.",
            param="payment",
        )
    listed = ", ".join(one.owner_id for one in periods[-5:])
    raise InvalidInput(
        f"The plan has {len(periods)} paid periods. Choose one. The latest: {listed}.",
        param="period_id",
    )


def _of_plan(state: BatchState, order: Order) -> list[RefundablePayment]:
    subscriptions = state.working_set(SubscriptionWorkingSet)
    begun = subscriptions.of_order(order.id)
    periods = () if begun is None else subscriptions.periods(begun.id)
    found: list[RefundablePayment] = []
    if begun is not None:
        found += [PeriodPayment.of(order, subscriptions, begun, period) for period in periods]
    credited = {one.payment_ref for one in found}
    waiting = [one for one in waiting_payments(state, order) if one.payment_ref not in credited]
    return found + _without_credit(state, order, waiting)


def _beside(state: BatchState, order: Order) -> list[RefundablePayment]:
    return _without_credit(state, order, state.working_set(UncreditedPayments).of_order(order.id))


def _without_credit(
    state: BatchState, order: Order, payments: Sequence[UncreditedPayment]
) -> list[RefundablePayment]:
    rows = state.working_set(UncreditedPayments)
    return [PaymentWithoutCredit.of(order, rows, one) for one in payments]
