"""Compare plans' periods, and uncredited payments, with what was returned of each."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from billing.ledger.rule import OWN
from billing.orders import records as order_rows, uncredited_payment
from billing.orders.order import Order
from billing.orders.refund import Reversal, gone_of
from billing.orders.uncredited_payment import UncreditedPayment
from billing.proof.check import Broken, Step, differs, fails, page
from billing.proof.paid_orders import ASKED, KIND, fitting, refunds_of, reversals_of
from billing.providers.event_log import in_words
from billing.subscriptions import plan_grant, records
from billing.subscriptions.invoice import all_grant, changes_of
from billing.subscriptions.plan_credit_back import given_back_of
from billing.subscriptions.plan_grant import PlanGrant
from billing.subscriptions.subscription import Period, Subscription
from kernel.tenant import Tenant
from store.database import Transaction

GONE: Final = "what went back of a period's payment is what refunds and disputes say"
SHARE: Final = "a period's credit is taken back in the share of what went back"
CHANGE: Final = (
    "a change of plans says its price, its credit and what it is for, or nothing of these"
)
OF_PLAN: Final = "what went back of a plan's order is what went back of its periods"
CARRIED: Final = "what a subscription carries over is what its changes of plans left"
CHANGED: Final = "changes of plans grant their share of the plans' credit"
BEGUN: Final = "a subscription begins with the price and the trial of its order"
UNTIL: Final = "a subscription is paid until the end of its last period"
UNCREDITED: Final = "what went back of an uncredited payment is what refunds and disputes say"

SECOND: Final = "an uncredited payment is of the sum that its provider told"

_CAME: Final = """
SELECT order_id, payment_ref, came FROM provider_events
WHERE order_id IN :ids[text] AND payment_ref IS NOT NULL AND came IS NOT NULL"""
_PERIODS: Final = (
    f"SELECT {records.PERIODS.listed} FROM subscription_periods WHERE {OWN} AND id > :after"
)
_SUBSCRIPTIONS: Final = (
    f"SELECT {records.ROWS.listed} FROM subscriptions WHERE {OWN} AND id > :after"
)
_UNCREDITED: Final = (
    f"SELECT {uncredited_payment.ROWS.listed} FROM uncredited_payments WHERE {OWN} AND id > :after"
)


class PeriodCheck:
    rules = (GONE, SHARE, CHANGE, ASKED, KIND)

    async def step(
        self,
        tx: Transaction,
        tenant: Tenant,
        *,
        after: str,
        since_us: int,  # noqa: ARG002 a tenant has few periods
    ) -> Step:
        rows, onward = await page(tx, _PERIODS, tenant, after=after)
        periods = [records.PERIODS.read(row) for row in rows]
        reversals = await reversals_of(tx, [one.id for one in periods])
        parts = _by_period(await plan_grant.load(tx, [tenant]) if periods else ())
        broken = [
            broken
            for one in periods
            for broken in _period(one, reversals.get(one.id, ()), parts.get(one.id, ()))
        ]
        refunds = await refunds_of(tx, reversals)
        for one in periods:
            broken += fitting(reversals.get(one.id, ()), refunds.get(one.id, ()), one.amount)
        return Step(broken, onward)


class SubscriptionCheck:
    rules = (OF_PLAN, CARRIED, CHANGED, BEGUN, UNTIL)

    async def step(
        self,
        tx: Transaction,
        tenant: Tenant,
        *,
        after: str,
        since_us: int,  # noqa: ARG002 a tenant has few subscriptions
    ) -> Step:
        rows, onward = await page(tx, _SUBSCRIPTIONS, tenant, after=after)
        plans = [records.ROWS.read(row) for row in rows]
        if not plans:
            return Step((), None)
        periods = await records.load_periods(tx, [one.id for one in plans])
        orders = await order_rows.load(tx, [one.order_id for one in plans])
        broken: list[Broken] = []
        for one in plans:
            of_plan = periods.get(one.id, ())
            broken += _changes(one, of_plan)
            order = orders.get(one.order_id)
            if order is not None:
                broken += _order(one, order, of_plan)
        return Step(broken, onward)


class UncreditedCheck:
    rules = (UNCREDITED, SECOND, ASKED, KIND)

    async def step(
        self,
        tx: Transaction,
        tenant: Tenant,
        *,
        after: str,
        since_us: int,  # noqa: ARG002 a tenant has next to none
    ) -> Step:
        rows, onward = await page(tx, _UNCREDITED, tenant, after=after)
        payments = [uncredited_payment.ROWS.read(row) for row in rows]
        reversals = await reversals_of(tx, [one.id for one in payments])
        broken: list[Broken] = []
        for one in payments:
            gone = gone_of(reversals.get(one.id, ()), one.amount)
            broken += differs(UNCREDITED, one.id, gone, one.refunded_amount)
        refunds = await refunds_of(tx, reversals)
        came = await _came(tx, payments)
        for one in payments:
            broken += fitting(reversals.get(one.id, ()), refunds.get(one.id, ()), one.amount)
            words = came.get((one.order_id, one.payment_ref))
            is_told = words is None or in_words(one.price) in words
            broken += fails(SECOND, one.id, is_true=is_told)
        return Step(broken, onward)


async def _came(
    tx: Transaction, payments: Sequence[UncreditedPayment]
) -> Mapping[tuple[str, str], str]:
    if not payments:
        return {}
    rows = await tx.fetch(_CAME, ids=sorted({one.order_id for one in payments}))
    found: defaultdict[tuple[str, str], str] = defaultdict(str)
    for row in rows:
        found[row["order_id"], row["payment_ref"]] += f" {row['came']}"
    return dict(found)


def _by_period(grants: Iterable[PlanGrant]) -> Mapping[str, Sequence[PlanGrant]]:
    found: defaultdict[str, list[PlanGrant]] = defaultdict(list)
    for one in grants:
        if one.kind == "part":
            found[one.period_id].append(one)
    return found


def _period(
    period: Period, reversals: Sequence[Reversal], parts: Sequence[PlanGrant]
) -> Iterator[Broken]:
    told = (period.prorated_amount, period.plan_amount, period.plan_micros)
    yield from fails(CHANGE, period.id, is_true=len({one is None for one in told}) == 1)
    # What an operator gave free, an operator takes back.
    if period.comp_reason is not None:
        return
    gone = gone_of(reversals, period.amount)
    yield from differs(GONE, period.id, gone, period.refunded_amount)
    due = given_back_of(period, parts, gone)
    yield from differs(SHARE, period.id, due, period.reversed_micros)


def _order(one: Subscription, order: Order, periods: Sequence[Period]) -> Iterator[Broken]:
    gone = sum(each.refunded_amount for each in periods if each.currency == order.payment.currency)
    yield from differs(OF_PLAN, order.id, gone, order.refunded_amount)
    if one.status == "incomplete":
        yield from differs(BEGUN, one.id, order.pay_amount, one.first_amount)
        if order.coupon_id is None and order.discount == 0:
            yield from differs(BEGUN, one.id, one.first_amount, one.amount)
    days = order.trial_days or 0
    yield from differs(BEGUN, one.id, days, one.trial_days)
    if not days:
        yield from differs(BEGUN, one.id, 0, one.trial_micros)


def _changes(one: Subscription, periods: Sequence[Period]) -> Iterator[Broken]:
    ends = [each.period_end_at for each in periods if each.comp_ended_at is None]
    if one.paid_until_at is not None or ends:
        yield from differs(UNTIL, one.id, max(ends, default=0), one.paid_until_at or 0)
    changed = [each for each in periods if each.prorated_amount is not None]
    if one.carried_before is None or not changed:
        return
    known = changes_of(changed)
    made = all_grant(known, one.carried_before)
    yield from differs(CARRIED, one.id, made.carried_amount, one.carried_amount)
    # A bill that also pays for whole periods grants these too.
    given = sum(each.credits_micros - each.corrected_micros for each in changed) - made.micros
    whole = math.gcd(*(each.plan_micros for each in known))
    yield from differs(CHANGED, one.id, 0, given % whole if given >= 0 else given)
