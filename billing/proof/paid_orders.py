"""Compare orders with what was returned, what that took of the credit, and what was billed.

The returned amount is the sum of refunds and disputes; billing/orders/reversal.py takes the share of credit;
a refund matches its request in the audit log.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from billing.ledger.rule import OWN
from billing.orders import records, refund
from billing.orders.order import SETTLED, Order, due_micros
from billing.orders.refund import Refund, Reversal, gone_of
from billing.orders.reversal import status_of
from billing.proof.check import Broken, Step, differs, fails, page
from kernel.tenant import Tenant
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

_ORDERS: Final = f"SELECT {records.ROWS.listed}, terms FROM orders WHERE {OWN} AND id > :after"
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

    async def step(
        self,
        tx: Transaction,
        tenant: Tenant,
        *,
        after: str,
        since_us: int,  # noqa: ARG002 a tenant has few orders beside its sends
    ) -> Step:
        rows, onward = await page(tx, _ORDERS, tenant, after=after)
        orders = [records.ROWS.read(row) for row in rows]
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

    async def step(
        self,
        tx: Transaction,
        tenant: Tenant,
        *,
        after: str,
        since_us: int,  # noqa: ARG002 as of orders
    ) -> Step:
        rows, onward = await page(tx, _REFUNDS, tenant, after=after)
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
    # A plan's order is paid by its periods.
    if order.kind == "subscription":
        return
    gone = gone_of(reversals, order.payment.amount)
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
    # An approval may give another credit, which the ledger proves.
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
        # The provider's rounding of a tax may move it by one.
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
            # The provider's own name replaces what an operator wrote.
            known = {each.provider_refund_id for each in ours.values()}
            is_true = is_own or (bool(ours) and one.key not in known)
        if one.kind == "refund" and one.status in {"failed", "replaced"} and has_part:
            is_true = False
        yield from fails(KIND, one.key, is_true=is_true and one.amount <= paid_amount)
