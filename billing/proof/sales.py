"""Compare orders, subscription periods and uncredited payments with refunds, disputes and bills."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from billing.ledger.rule import OWN
from billing.orders import records as order_rows, refund, working_set
from billing.orders.order import SETTLED, Order, due_micros
from billing.orders.refund import Refund, Reversal, returned_of
from billing.orders.reversal import status_of
from billing.orders.working_set import UncreditedPayment
from billing.proof.check import Broken, Place, Step, differs, fails, page
from billing.providers.event_log import in_words
from billing.subscriptions import plan_grant, records as subscription_rows
from billing.subscriptions.invoice import all_grant, changes_of
from billing.subscriptions.plan_credit import given_back_of
from billing.subscriptions.plan_grant import PlanGrant
from billing.subscriptions.subscription import Period, Subscription
from store.database import Transaction

GONE: Final = "what went back of an order's payment is what refunds and disputes say"
SHARE: Final = "credit is taken back in the share of what went back"
STATE: Final = "an order's state follows from what went back of it"
TERMS: Final = "an order's price and credit are what was agreed on"
PRICE: Final = "an order's price is its list price less its discount"
REVIEWED: Final = "an order that was paid with another sum names the payment"
REFUND: Final = "a refund that succeeded is a reversal of its amount, and one that failed is none"
ASKED: Final = "a reversal that a refund of ours stands for has its refund"
KIND: Final = "a reversal fits its kind, its payment and the refund that it is of"
REFUND_SUM: Final = "what a refund holds of a grant is a part of what it holds"

_ORDERS: Final = f"SELECT {order_rows.ROWS.listed}, terms FROM orders WHERE {OWN} AND id > :after"
_REFUNDS: Final = f"SELECT {refund.ROWS.listed} FROM refunds WHERE {OWN} AND id > :after"
_ALL_REVERSALS: Final = " UNION ALL ".join(
    f"SELECT {owner} AS owner_id, {refund.LISTED} FROM {table} WHERE {owner} IN :ids[text]"
    for table, owner in (
        ("order_reversals", "order_id"),
        ("period_reversals", "period_id"),
        ("uncredited_reversals", "payment_id"),
    )
)
_decode: Final = msgspec.json.Decoder(tuple[int, str, int, int, str, int, int]).decode
_OF_DISPUTES: Final = frozenset({"open", "won", "lost"})
_OF_REFUNDS: Final = frozenset({"done", "failed", "asked", "replaced"})
OUR_KEYS: Final = "rfd_"


class OrderCheck:
    rules = (GONE, SHARE, STATE, TERMS, PRICE, REVIEWED, ASKED, KIND)

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _ORDERS, at)
        orders = [order_rows.ROWS.read(row) for row in rows]
        reversals = await reversals_of(tx, [one.id for one in orders])
        broken = [one for order in orders for one in _judged(order, reversals.get(order.id, ()))]
        for order, row in zip(orders, rows, strict=True):
            if row["terms"] is not None:
                broken += _agreed(order, row["terms"])
        refunds = await refunds_of(tx, reversals)
        for order in orders:
            told = reversals.get(order.id, ())
            broken += fitting(told, refunds.get(order.id, ()), order.payment.amount)
        return Step(broken, onward)


class RefundCheck:
    rules = (REFUND, REFUND_SUM)

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _REFUNDS, at)
        asked = [refund.ROWS.read(row) for row in rows]
        reversals = await reversals_of(tx, {one.owner_id for one in asked})
        broken = [one for each in asked for one in _refund(each, reversals.get(each.owner_id, ()))]
        return Step(broken, onward)


async def reversals_of(tx: Transaction, ids: Iterable[str]) -> Mapping[str, Sequence[Reversal]]:
    found: defaultdict[str, list[Reversal]] = defaultdict(list)
    wanted = sorted(set(ids))
    if wanted:
        for row in await tx.fetch(_ALL_REVERSALS, ids=wanted):
            one = refund.read_row(row)
            found[one.owner_id].append(one)
    return found


async def refunds_of(tx: Transaction, ids: Iterable[str]) -> Mapping[str, Sequence[Refund]]:
    found: defaultdict[str, list[Refund]] = defaultdict(list)
    for one in await refund.load(tx, ids):
        found[one.owner_id].append(one)
    return found


def _judged(order: Order, reversals: Sequence[Reversal]) -> Iterator[Broken]:
    if order.currency == order.pay_currency:
        yield from differs(PRICE, order.id, order.amount - order.discount, order.pay_amount)
    is_named = order.paid_amount is None or order.payment_id is not None
    yield from fails(
        REVIEWED,
        order.id,
        is_true=is_named and (order.paid_amount is None) == (order.paid_currency is None),
    )
    if order.kind == "subscription":
        return
    gone = returned_of(reversals, order.payment.amount)
    if order.status in SETTLED:
        yield from differs(GONE, order.id, gone, order.refunded_amount)
        yield from differs(SHARE, order.id, due_micros(order, gone), order.reversed_micros)
        yield from fails(STATE, order.id, is_true=status_of(order, reversals, gone) == order.status)
    else:
        yield from fails(GONE, order.id, is_true=order.refunded_amount in {0, gone})


def _agreed(order: Order, terms: str) -> Iterator[Broken]:
    agreed = _decode(terms)
    yield from fails(
        TERMS,
        order.id,
        is_true=agreed[:5]
        == (order.amount, order.currency, order.discount, order.pay_amount, order.pay_currency),
    )
    # An approval may give a different amount of credit, which the ledger's audit checks.
    if order.paid_at is None and order.payment_id is None:
        yield from differs(TERMS, order.id, agreed[5], order.credits_micros)
        yield from differs(TERMS, order.id, agreed[6], order.promotional_micros)


def _refund(asked: Refund, reversals: Sequence[Reversal]) -> Iterator[Broken]:
    yield from fails(
        REFUND_SUM, asked.id, is_true=0 <= asked.held_grant_micros <= asked.held_micros
    )
    named = [one for one in reversals if one.key == asked.key]
    standing = [one for one in named if one.status not in {"failed", "replaced"}]
    if asked.status == "succeeded":
        amount = standing[0].amount if standing else 0
        if abs(amount - asked.amount) > 1:
            yield Broken(REFUND, asked.id, amount, asked.amount)
    elif asked.status == "failed":
        yield from differs(REFUND, asked.id, 0, sum(one.amount for one in standing))


def fitting(
    reversals: Sequence[Reversal], refunds: Iterable[Refund], paid_amount: int
) -> Iterator[Broken]:
    ours = {one.id: one for one in refunds}
    has_part = any(one.kind == "part" and one.status == "done" for one in reversals)
    for one in reversals:
        is_own = one.key.startswith(OUR_KEYS)
        refund_ = ours.get(one.key)
        if is_own and refund_ is None:
            yield Broken(ASKED, one.key, one.amount, 0)
        is_true = one.status in (_OF_DISPUTES if one.kind == "dispute" else _OF_REFUNDS)
        if one.status == "asked":
            is_true = refund_ is not None and refund_.is_open
        if one.status == "replaced":
            known = {each.provider_refund_id for each in ours.values()}
            is_true = is_own or (bool(ours) and one.key not in known)
        if one.kind == "refund" and one.status in {"failed", "replaced"} and has_part:
            is_true = False
        yield from fails(KIND, one.key, is_true=is_true and one.amount <= paid_amount)


PERIOD_GONE: Final = "what went back of a period's payment is what refunds and disputes say"
PERIOD_SHARE: Final = "a period's credit is taken back in the share of what went back"
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
_PERIODS: Final = f"SELECT {subscription_rows.PERIODS.listed} FROM subscription_periods WHERE {OWN} AND id > :after"
_SUBSCRIPTIONS: Final = (
    f"SELECT {subscription_rows.ROWS.listed} FROM subscriptions WHERE {OWN} AND id > :after"
)
_UNCREDITED: Final = (
    f"SELECT {working_set.UNCREDITED.listed} FROM uncredited_payments WHERE {OWN} AND id > :after"
)


class PeriodCheck:
    rules = (PERIOD_GONE, PERIOD_SHARE, CHANGE, ASKED, KIND)

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _PERIODS, at)
        periods = [subscription_rows.PERIODS.read(row) for row in rows]
        reversals = await reversals_of(tx, [one.id for one in periods])
        parts = _by_period(await plan_grant.load(tx, [at.tenant]) if periods else ())
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

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _SUBSCRIPTIONS, at)
        plans = [subscription_rows.ROWS.read(row) for row in rows]
        if not plans:
            return Step((), None)
        periods = await subscription_rows.load_periods(tx, [one.id for one in plans])
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

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _UNCREDITED, at)
        payments = [working_set.UNCREDITED.read(row) for row in rows]
        reversals = await reversals_of(tx, [one.id for one in payments])
        broken: list[Broken] = []
        for one in payments:
            gone = returned_of(reversals.get(one.id, ()), one.amount)
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
    if period.comp_reason is not None:
        return
    gone = returned_of(reversals, period.amount)
    yield from differs(PERIOD_GONE, period.id, gone, period.refunded_amount)
    due = given_back_of(period, parts, gone)
    yield from differs(PERIOD_SHARE, period.id, due, period.reversed_micros)


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
    # A bill that also pays for whole periods grants their credit too.
    given = sum(each.credits_micros - each.corrected_micros for each in changed) - made.micros
    whole = math.gcd(*(each.plan_micros for each in known))
    yield from differs(CHANGED, one.id, 0, given % whole if given >= 0 else given)
