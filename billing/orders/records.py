"""Rows of orders, of the provider IDs that lead to them, and of what was returned.

A provider's ID belongs to the first order that claims it, by primary key. Writers hold the account's lock,
except for marks of documents, which aren't part of Order.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from billing.orders import refund
from billing.orders.claim import ObjectKey, OrderClaim, first_claims
from billing.orders.order import Order
from billing.orders.refund import Reversal
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

OrderRequestKey = tuple[str, str, str]  # account, environment, digest
ROWS = RowMapping(Order)
_CLAIMS = RowMapping(OrderClaim)
_encode = msgspec.json.Encoder().encode
_CHANGING = (
    "status",
    "url",
    "provider_ref",
    "customer_ref",
    "invoice_pdf",
    "payment_id",
    "paid_amount",
    "paid_currency",
    "credits_micros",
    "promotional_micros",
    "refunded_amount",
    "reversed_micros",
    "reversed_promotional_micros",
    "reversed_grant_micros",
    "reason",
    "next_check_at",
    "checks_made",
    "opened_at",
    "checked_at",
    "answer",
    "paid_at",
)
_CHANGED = ROWS.part("id", *_CHANGING)
_LOAD = f"SELECT {ROWS.listed} FROM orders WHERE id IN :ids[text]"
_LOAD_REQUESTS = f"""
SELECT {ROWS.of("o")} FROM :places[account_id text, environment text, digest text] AS v
CROSS JOIN orders o
WHERE o.account_id = v.account_id AND o.environment = v.environment
  AND o.request_digest = v.digest
"""
_COUNT_PENDING = """
SELECT o.account_id, o.environment, COUNT(*) AS pending, COUNT(o.coupon_id) AS with_coupon
FROM :tenants[account_id text, environment text] AS v
CROSS JOIN orders o
WHERE o.account_id = v.account_id AND o.environment = v.environment AND o.status = 'pending'
GROUP BY o.account_id, o.environment
"""
_LOAD_OPEN_PLANS = f"""
SELECT {ROWS.of("o")} FROM :tenants[account_id text, environment text] AS v
CROSS JOIN orders o
WHERE o.account_id = v.account_id AND o.environment = v.environment
  AND o.status = 'pending' AND o.kind = 'subscription'
ORDER BY o.id DESC
"""
_UPDATE = f"""
UPDATE orders SET {ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE orders.id = v.id
"""
_OWNERS = """
SELECT o.provider, o.environment, o.object_id, o.order_id
FROM :places[provider text, environment text, object_id text] AS v
CROSS JOIN provider_objects o
WHERE o.provider = v.provider AND o.environment = v.environment AND o.object_id = v.object_id
"""
_LOAD_REVERSALS = f"""
SELECT order_id, {refund.LISTED} FROM order_reversals WHERE order_id IN :ids[text]
"""
_MARK_RECEIPTS = """
UPDATE orders SET receipt_id = v.receipt_id FROM :marks[id text, receipt_id text] AS v
WHERE orders.id = v.id
"""
_MARK_NOTED = """
UPDATE orders SET noted_amount = v.noted_amount FROM :marks[id text, noted_amount bigint] AS v
WHERE orders.id = v.id
"""


def terms_of(order: Order) -> str:
    """Return the agreed terms as stored: list price, discount, price, credit and the coupon's part."""
    price = (order.amount, order.currency, order.discount, order.pay_amount, order.pay_currency)
    return _encode((*price, order.credits_micros, order.promotional_micros)).decode()


async def load(tx: Transaction, ids: Iterable[str]) -> dict[str, Order]:
    rows = await tx.fetch(_LOAD, ids=sorted(set(ids)))
    return {row["id"]: ROWS.read(row) for row in rows}


async def load_requests(
    tx: Transaction, places: Iterable[OrderRequestKey]
) -> dict[OrderRequestKey, Order]:
    rows = await tx.fetch(_LOAD_REQUESTS, places=sorted(set(places)))
    return {
        (row["account_id"], row["environment"], row["request_digest"]): ROWS.read(row)
        for row in rows
    }


class Unpaid(NamedTuple):
    orders: int = 0
    with_coupon: int = 0


async def count_pending(tx: Transaction, tenants: Iterable[Tenant]) -> dict[Tenant, Unpaid]:
    """Count them; a tenant without any is missing."""
    rows = await tx.fetch(_COUNT_PENDING, tenants=sorted(set(tenants)))
    return {
        Tenant(row["account_id"], row["environment"]): Unpaid(
            int(row["pending"]), int(row["with_coupon"])
        )
        for row in rows
    }


async def load_open_plans(tx: Transaction, tenants: Iterable[Tenant]) -> dict[Tenant, Order]:
    rows = await tx.fetch(_LOAD_OPEN_PLANS, tenants=sorted(set(tenants)))
    return {Tenant(row["account_id"], row["environment"]): ROWS.read(row) for row in rows}


async def insert(tx: Transaction, orders: Sequence[Order]) -> None:
    rows = [(*ROWS.write(order), terms_of(order)) for order in orders]
    await tx.insert("orders", (*ROWS.columns, "terms"), rows)


async def update(tx: Transaction, orders: Sequence[Order]) -> None:
    if not orders:
        return
    rows = [_CHANGED.write(order) for order in sorted(orders, key=lambda one: one.id)]
    changed = await tx.execute(_UPDATE, rows=rows)
    assert changed == len(orders), "an order vanished under the lock"


async def claim(
    tx: Transaction, claims: Iterable[OrderClaim], *, now_us: int
) -> dict[ObjectKey, str]:
    first = first_claims(claims)
    await tx.insert(
        "provider_objects",
        (*_CLAIMS.columns, "created_at"),
        [(*_CLAIMS.write(one), now_us) for one in first],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    rows = await tx.fetch(_OWNERS, places=[one.key for one in first])
    return {(r[0], r[1], r[2]): r[3] or "" for r in rows}


async def load_reversals(tx: Transaction, ids: Iterable[str]) -> list[Reversal]:
    rows = await tx.fetch(_LOAD_REVERSALS, ids=sorted(set(ids)))
    return [refund.read_row(row) for row in rows]


async def keep_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    """Write new and changed reversals, in the order of their keys."""
    await tx.insert(
        "order_reversals",
        ("order_id", *refund.COLUMNS),
        [refund.write_row(one) for one in reversals],
        on_conflict=f"ON CONFLICT (order_id, key) {refund.ON_CONFLICT}",
    )


async def mark_receipts(tx: Transaction, marks: Sequence[tuple[str, str]]) -> None:
    """Write receipt IDs, "" for none, for billing/documents/numbering.py."""
    if marks:
        await tx.execute(_MARK_RECEIPTS, marks=sorted(marks))


async def mark_noted(tx: Transaction, marks: Sequence[tuple[str, int]]) -> None:
    if marks:
        await tx.execute(_MARK_NOTED, marks=sorted(marks))
