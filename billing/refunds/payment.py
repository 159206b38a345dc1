"""What a refund is about: the payment of an order, or that of a paid period of its plan.

Both are refunded by the same rules (billing/orders/refund.py); this is where a command on one of them finds
the rows, the credit that was sold, and what a change of them calls for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet
from billing.ledger.price import Price
from billing.orders.order import Order, due_micros as due_of_order
from billing.orders.refund import gone_of
from billing.orders.reversal import apply_reversals as apply_to_order, sold_of as sold_by_order
from billing.orders.sale_rows import SaleWorkingSet
from billing.orders.sold_credit import SoldCredit
from billing.orders.uncredited import follow_refund, is_uncredited
from billing.orders.working_set import OrderWorkingSet
from billing.subscriptions.plan_credit_back import (
    given_back_of,
    left_of,
    sold_of as sold_by_period,
)
from billing.subscriptions.plan_grant import PlanGrant
from billing.subscriptions.reversal import apply_reversals as apply_to_period
from billing.subscriptions.subscription import Period, Subscription, due_micros as due_of_period
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True)
class SoldPayment:
    """One payment; begun and period: of a plan, null for an order's own."""

    order: Order
    rows: SaleWorkingSet
    begun: Subscription | None = None
    period: Period | None = None

    @property
    def owner_id(self) -> str:
        return self.order.id if self.period is None else self.period.id

    @property
    def paid(self) -> Price:
        """What was really paid."""
        return self.order.payment if self.period is None else self.period.payment

    @property
    def payment_ref(self) -> str | None:
        """What the provider calls it."""
        return self.order.payment_id if self.period is None else self.period.invoice_id

    @property
    def is_settled(self) -> bool:
        """Its credit was given."""
        return self.order.is_settled if self.period is None else True

    @property
    def is_uncredited(self) -> bool:
        """An order's payment that gave nothing: a person has to judge it, or rejected it."""
        return self.period is None and is_uncredited(self.order)

    @property
    def gone_amount(self) -> int:
        """How much of it went back or is disputed."""
        return gone_of(self.rows.reversals.of(self.owner_id), self.paid.amount)

    @property
    def parts(self) -> Sequence[PlanGrant]:
        """What a period gives apart from the wallet: in parts, or with an end."""
        if self.period is None or not isinstance(self.rows, SubscriptionWorkingSet):
            return ()
        return self.rows.plan_grants.of_period(self.period.id)

    def due_micros(self, gone_amount: int) -> int:
        """The credit that is to be taken back once that much of it is gone."""
        if self.period is None:
            return due_of_order(self.order, gone_amount) if self.is_settled else 0
        if self.parts:
            return given_back_of(self.period, self.parts, gone_amount)
        return due_of_period(self.period, gone_amount)

    def available_micros(self, state: BatchState) -> int:
        """What of it could be taken back now without a debt."""
        apart = 0 if self.begun is None else left_of(state, self.begun, self.parts)
        return self.sold.available_micros(state) + apart

    @property
    def sold(self) -> SoldCredit:
        """What it gave, and what of it was taken back."""
        if self.begun is None or self.period is None:
            return sold_by_order(self.order)
        return sold_by_period(self.begun, self.period)

    def apply(self, state: BatchState, reason: str) -> None:
        """Its credit is brought to what is gone of it."""
        if self.is_uncredited:
            follow_refund(state, self.order)
        elif self.begun is None or self.period is None:
            apply_to_order(state, self.order, reason)
        else:
            apply_to_period(state, self.begun, self.period, reason)


def declare(read_set: ReadSet, order_id: str, tenant: Tenant, *, is_plan: bool) -> None:
    """What `payment_of` and `own_payment` need; is_plan: the order is a plan's."""
    read_set.tenants.add(tenant)
    read_set.working_set(OrderWorkingSet).ids.add(order_id)
    if is_plan:
        read_set.working_set(SubscriptionWorkingSet).orders.add(order_id)


def payment_of(
    state: BatchState, order_id: str, tenant: Tenant, period_start_at: int | None
) -> SoldPayment:
    """The order's own payment, or that of the period that begins then; raises NotFound."""
    orders = state.working_set(OrderWorkingSet)
    order = orders.find(order_id, tenant)
    if period_start_at is None:
        return SoldPayment(order, orders)
    subscriptions = state.working_set(SubscriptionWorkingSet)
    begun = subscriptions.of_order(order.id)
    period = None if begun is None else subscriptions.period((begun.id, period_start_at))
    if begun is None or period is None:
        raise NotFound("Period", param="period_id")
    return SoldPayment(order, subscriptions, begun, period)


def named_payment(
    state: BatchState, order_id: str, tenant: Tenant, *, period_id: str | None, is_plan: bool
) -> SoldPayment:
    """The payment that a caller means: of a plan's order the period's of that id, or its only one.

    Raises NotFound, and InvalidInput where it is not said which of several.
    """
    if not is_plan:
        if period_id is not None:
            raise InvalidInput("the order is of no plan", param="period_id")
        return payment_of(state, order_id, tenant, None)
    subscriptions = state.working_set(SubscriptionWorkingSet)
    begun = subscriptions.of_order(order_id)
    periods = [] if begun is None else list(subscriptions.periods(begun.id))
    if period_id is not None:
        periods = [one for one in periods if one.id == period_id]
    if not periods:
        raise NotFound("Period", param="period_id")
    if len(periods) > 1:
        listed = ", ".join(one.id for one in periods[-5:])
        raise InvalidInput(
            f"the plan has {len(periods)} paid periods, the latest {listed}: say which",
            param="period_id",
        )
    return payment_of(state, order_id, tenant, periods[0].period_start_at)
