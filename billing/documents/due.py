"""Read what has no document yet: paid orders and periods, and payments partly returned.

Partial indexes hold nothing else, so finding nothing costs nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from billing.documents.facts import Sold
from billing.ledger.money import MICROS_PER_CREDIT
from billing.orders import records as order_rows, refund
from billing.orders.order import Order
from billing.orders.refund import Reversal, gone_of
from store.database import Row, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment without a receipt. sold null: nothing was to pay, so it gets none."""

    subject_id: str
    account_id: str
    provider: str
    payment_id: str
    order_id: str
    subscription_id: str | None = None
    sold: Sold | None
    credits: int
    period_start_at: int | None = None
    period_end_at: int | None = None
    paid_at: int

    @property
    def is_period(self) -> bool:
        return self.subscription_id is not None


@dataclass(frozen=True, slots=True)
class Gone:
    """A payment of which `after` was returned for good, and notes cover `before`. at: the last report."""

    subject_id: str
    is_period: bool
    before: int
    after: int
    of: int
    at: int


async def payments(tx: Transaction, environment: str, *, limit: int) -> Sequence[Payment]:
    orders = await tx.fetch(_ORDERS, environment=environment, limit=limit)
    periods = await tx.fetch(_PERIODS, environment=environment, limit=limit)
    found = [_of_order(order_rows.ROWS.read(row)) for row in orders]
    found += [_of_period(row) for row in periods]
    return sorted(found, key=lambda one: (one.paid_at, one.subject_id))[:limit]


async def payments_of(tx: Transaction, ids: Iterable[str]) -> Mapping[str, Payment]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    orders = await order_rows.load(tx, wanted)
    found = {one.id: _of_order(one) for one in orders.values() if one.paid_at is not None}
    periods = await tx.fetch(f"{_PERIOD} WHERE p.id IN :ids[text]", ids=wanted)
    return found | {row["id"]: _of_period(row) for row in periods}


def _of_period(row: Row) -> Payment:
    is_paid = row["amount"] > 0
    sold = Sold(row["plan_name"], row["amount"], row["currency"], row["amount"])
    return Payment(
        subject_id=row["id"],
        account_id=row["account_id"],
        provider=row["provider"],
        payment_id=row["invoice_id"],
        order_id=row["order_id"],
        subscription_id=row["subscription_id"],
        sold=sold if is_paid else None,
        credits=row["credits_micros"] // MICROS_PER_CREDIT,
        period_start_at=row["period_start_at"],
        period_end_at=row["period_end_at"],
        paid_at=row["created_at"],
    )


async def gone(
    tx: Transaction, environment: str, *, after_id: str, limit: int
) -> tuple[Sequence[Gone], str]:
    """Return those behind after_id that need a note, and where to continue, or "". An open dispute, and a
    refund that isn't made, wait for their end.
    """
    values = {"environment": environment, "after_id": after_id, "limit": limit}
    orders = await tx.fetch(_GONE_ORDERS, **values)
    periods = await tx.fetch(_GONE_PERIODS, **values)
    rows = sorted([*orders, *periods], key=lambda row: str(row["id"]))[:limit]
    if not rows:
        return (), ""
    reversals = await _reversals(tx, [row["id"] for row in rows])
    found = []
    for row in rows:
        # A payment gets its receipt first; without one there is nothing to correct.
        if not row["receipt_id"]:
            continue
        told = reversals.get(row["id"], [])
        closed = [one for one in told if one.status not in {"open", "asked"}]
        before, after = row["noted_amount"], gone_of(closed, row["paid"])
        if before != after:
            at = max((one.created_at for one in told), default=0)
            is_period = row["is_period"] == 1
            found.append(Gone(row["id"], is_period, before, after, row["paid"], at))
    return found, rows[-1]["id"] if len(rows) == limit else ""


def _of_order(order: Order) -> Payment:
    assert order.paid_at is not None, "the statement looks for paid ones"
    paid = order.payment
    # A plan's order is paid by its periods' invoices.
    is_sold = order.kind != "subscription" and paid.amount > 0
    return Payment(
        subject_id=order.id,
        account_id=order.account_id,
        provider=order.provider,
        payment_id=order.payment_id or "",
        order_id=order.id,
        sold=_sold(order) if is_sold else None,
        credits=order.credits_micros // MICROS_PER_CREDIT,
        paid_at=order.paid_at,
    )


def _sold(order: Order) -> Sold:
    paid = order.payment
    credits_ = order.credits_micros // MICROS_PER_CREDIT
    title = order.pack_name or f"{credits_:,} credits"
    is_listed = paid.currency == order.currency and paid.amount == order.amount - order.discount
    if is_listed:
        return Sold(title, paid.amount, paid.currency, order.amount, order.discount)
    note = ""
    if paid.currency != order.currency:
        note = f"Charged in {paid.currency} for {order.listed.decimal()} {order.currency}"
    return Sold(title, paid.amount, paid.currency, paid.amount, price_note=note)


async def _reversals(tx: Transaction, ids: Sequence[str]) -> dict[str, list[Reversal]]:
    found: dict[str, list[Reversal]] = {}
    for text in (_ORDER_REVERSALS, _PERIOD_REVERSALS):
        for row in await tx.fetch(text, ids=sorted(ids)):
            one = refund.read_row(row)
            found.setdefault(one.owner_id, []).append(one)
    return found


_ORDERS = f"""
SELECT {order_rows.ROWS.listed} FROM orders
WHERE environment = :environment AND paid_at IS NOT NULL AND receipt_id IS NULL
ORDER BY paid_at, id LIMIT :limit
"""
_PERIOD = """
SELECT p.id, p.account_id, p.subscription_id, p.invoice_id, p.amount, p.currency, p.credits_micros,
    p.period_start_at, p.period_end_at, p.created_at, s.provider, s.order_id, s.plan_name
FROM subscription_periods p
JOIN subscriptions s ON s.id = p.subscription_id"""
_PERIODS = f"""
{_PERIOD} WHERE p.environment = :environment AND p.receipt_id IS NULL
ORDER BY p.created_at, p.id LIMIT :limit
"""
# As in the partial indexes. PostgreSQL expects two columns to differ in nearly every row, and read all orders
# until a vacuum; of an expression equal to a constant it expects few.
_UNNOTED = "CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1"
_GONE_ORDERS = f"""
SELECT id, receipt_id, noted_amount, COALESCE(paid_amount, pay_amount) AS paid, 0 AS is_period
FROM orders WHERE environment = :environment AND {_UNNOTED} AND id > :after_id
ORDER BY id LIMIT :limit
"""
_GONE_PERIODS = f"""
SELECT id, receipt_id, noted_amount, amount AS paid, 1 AS is_period
FROM subscription_periods WHERE environment = :environment AND {_UNNOTED} AND id > :after_id
ORDER BY id LIMIT :limit
"""
_ORDER_REVERSALS = f"""
SELECT order_id, {refund.LISTED} FROM order_reversals WHERE order_id IN :ids[text]
"""
_PERIOD_REVERSALS = f"""
SELECT period_id, {refund.LISTED} FROM period_reversals WHERE period_id IN :ids[text]
"""
