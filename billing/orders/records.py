"""Read and write orders, the provider's IDs that identify them, and returned amounts.

A provider's ID belongs to the first order that claims it. Writers hold the account's lock. Only the columns about
documents are written without this lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, TypeVar

import msgspec

from billing.orders import refund
from billing.orders.order import Order
from billing.orders.refund import Reversal
from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Transaction
from store.due_rows import DueRows
from store.keyset import Begin, Keyset, ListStretch
from store.row_mapping import RowMapping

ObjectKey = tuple[str, str, str]  # provider, environment, ID


class Claim(msgspec.Struct, frozen=True, gc=False, order=True):
    provider: str
    environment: str
    object_id: str
    account_id: str

    @property
    def key(self) -> ObjectKey:
        return (self.provider, self.environment, self.object_id)


class OrderClaim(Claim, frozen=True, gc=False, order=True):
    order_id: str


class PeriodClaim(Claim, frozen=True, gc=False, order=True):
    """A claim to a provider's ID for a period. If `period_start_at` is 0, the claim is for the subscription itself."""

    subscription_id: str
    period_start_at: int


C = TypeVar("C", bound=Claim)


def first_claims(claims: Iterable[C]) -> list[C]:
    first: dict[ObjectKey, C] = {}
    for one in sorted(set(claims)):
        first.setdefault(one.key, one)
    return list(first.values())


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


async def save_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    await tx.insert(
        "order_reversals",
        ("order_id", *refund.COLUMNS),
        [refund.write_row(one) for one in reversals],
        on_conflict=f"ON CONFLICT (order_id, key) {refund.ON_CONFLICT}",
    )


async def mark_receipts(tx: Transaction, marks: Sequence[tuple[str, str]]) -> None:
    if marks:
        await tx.execute(_MARK_RECEIPTS, marks=sorted(marks))


async def mark_noted(tx: Transaction, marks: Sequence[tuple[str, int]]) -> None:
    if marks:
        await tx.execute(_MARK_NOTED, marks=sorted(marks))


@dataclass(frozen=True, slots=True)
class OrderFilter:
    status: str | None = None
    without_kind: str | None = None
    provider: str | None = None
    pack_id: str | None = None
    oauth_app_id: str | None = None
    order_no: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    account_id: str | None = None
    environment: str | None = None


_CLAUSES: Mapping[str, str] = {
    "status": "status = :status",
    "without_kind": "kind <> :without_kind",
    "provider": "provider = :provider",
    "pack_id": "pack_id = :pack_id",
    "oauth_app_id": "oauth_app_id = :oauth_app_id",
    "order_no": "order_no = :order_no",
    "created_after": "created_at >= :created_after",
    "created_before": "created_at < :created_before",
    "account_id": "account_id = :account_id",
    "environment": "environment = :environment",
}


async def find(tx: Transaction, order_id: str) -> Order | None:
    """Return the order, whatever its account. The caller must compare account and environment."""
    return (await load(tx, [order_id])).get(order_id)


async def get(tx: Transaction, tenant: Tenant, order_id: str) -> Order:
    found = await find(tx, order_id)
    if found is None or found.tenant != tenant:
        raise NotFound("Order", param="id")
    return found


async def find_by_objects(
    tx: Transaction, provider: str, environment: str, object_ids: Iterable[str]
) -> Order | None:
    wanted = list(dict.fromkeys(object_ids))
    rows = await tx.fetch(
        """SELECT object_id, order_id FROM provider_objects
           WHERE provider = :provider AND environment = :environment
             AND object_id IN :ids[text] AND order_id IS NOT NULL""",
        provider=provider,
        environment=environment,
        ids=sorted(wanted),
    )
    known = {row["object_id"]: row["order_id"] for row in rows}
    first = next((known[one] for one in wanted if one in known), None)
    return None if first is None else await find(tx, first)


async def page(
    tx: Transaction, tenant: Tenant, wanted: OrderFilter, *, before_id: Begin, limit: int
) -> Sequence[Order]:
    return await page_of_all(tx, _owned(tenant, wanted), before_id=before_id, limit=limit)


async def page_of_all(
    tx: Transaction, wanted: OrderFilter, *, before_id: Begin, limit: int
) -> Sequence[Order]:
    rows = await _PAGES.page(tx, before_id=before_id, limit=limit, **asdict(wanted))
    return [ROWS.read(row) for row in rows]


async def stretch(
    tx: Transaction, tenant: Tenant, wanted: OrderFilter, *, before_id: Begin, limit: int
) -> ListStretch[Order]:
    return await stretch_of_all(tx, _owned(tenant, wanted), before_id=before_id, limit=limit)


async def stretch_of_all(
    tx: Transaction, wanted: OrderFilter, *, before_id: Begin, limit: int
) -> ListStretch[Order]:
    return await _PAGES.stretch(tx, ROWS.read, before_id=before_id, limit=limit, **asdict(wanted))


async def latest_returning_to(
    tx: Transaction, tenant: Tenant, ending: str, *, limit: int
) -> Order | None:
    latest = await page(tx, tenant, OrderFilter(), before_id=None, limit=limit)
    return next((one for one in latest if (one.success_url or "").endswith(ending)), None)


async def numbered_page(
    tx: Transaction, tenant: Tenant, wanted: OrderFilter, *, offset: int, limit: int
) -> tuple[Sequence[Order], int]:
    values = asdict(_owned(tenant, wanted))
    rows, total = await _PAGES.numbered_page(tx, offset=offset, limit=limit, **values)
    return [ROWS.read(row) for row in rows], total


async def opened_since(
    tx: Transaction, environment: str, provider: str, *, after_id: str, limit: int
) -> Sequence[Order]:
    """Return orders that were opened at the provider and aren't pending, oldest first.

    Simulated orders, and orders that an operator approved without a payment, are left out.
    """
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM orders
            WHERE environment = :environment AND id > :after_id AND provider = :provider
              AND is_simulated = 0 AND provider_ref IS NOT NULL AND status <> 'pending'
              AND NOT (paid_at IS NOT NULL AND reason IS NOT NULL)
            ORDER BY id LIMIT :limit""",
        environment=environment,
        provider=provider,
        after_id=after_id,
        limit=limit,
    )
    return [ROWS.read(row) for row in rows]


async def paid_uncredited(
    tx: Transaction,
    environment: str,
    *,
    reason: str | None = None,
    before_id: str | None = None,
    limit: int,
) -> Sequence[Order]:
    """Return orders in review, and settled orders with an unresolved notification."""
    pages = _PAID_UNCREDITED if reason is None else _NOTIFIED_FOR
    rows = await pages.page(
        tx, environment=environment, reason=reason, before_id=before_id, limit=limit
    )
    return [ROWS.read(row) for row in rows]


async def credited_unpaid(
    tx: Transaction, environment: str, *, before_id: str | None = None, limit: int
) -> Sequence[Order]:
    """Return orders whose credit isn't covered by a payment.

    Either the account owes spent credit whose payment was returned, or an operator approved an unconfirmed payment.
    """
    rows = await _CREDITED_UNPAID.page(
        tx, environment=environment, before_id=before_id, limit=limit
    )
    return [ROWS.read(row) for row in rows]


def _owned(tenant: Tenant, wanted: OrderFilter) -> OrderFilter:
    return replace(wanted, account_id=tenant.account_id, environment=tenant.environment)


DUE = DueRows("orders", ROWS, "status = 'pending'")
_PAGES = Keyset(
    ROWS.listed,
    "orders",
    filters=_CLAUSES,
    sorts={"credits": "credits_micros"},
    indexed=("order_no",),
    days_of="ord",
)
SORTS = _PAGES.sorts
_NOTIFIED = """
SELECT e.order_id FROM provider_events e JOIN orders o ON o.id = e.order_id
WHERE o.environment = :environment AND e.environment = o.environment
  AND e.outcome IN ('review', 'refused') AND e.resolved_at IS NULL
"""
_NOTIFIED_FOR = Keyset(ROWS.listed, "orders", f"id IN ({_NOTIFIED} AND e.reason = :reason)")
_PAID_UNCREDITED = Keyset(
    ROWS.listed,
    "orders",
    f"""id IN (
        SELECT id FROM orders WHERE environment = :environment AND status = 'review'
        UNION {_NOTIFIED})""",
)
_CREDITED_UNPAID = Keyset(
    ROWS.listed,
    "orders",
    """id IN (
        SELECT o.id FROM orders o
        JOIN ledger_accounts l ON l.account_id = o.account_id AND l.environment = o.environment
            AND l.kind = 'owed' AND l.name = '' AND l.balance_micros > 0
        WHERE o.environment = :environment AND o.reversed_micros > 0
        UNION
        SELECT id FROM orders
        WHERE environment = :environment AND paid_at IS NOT NULL AND reason IS NOT NULL)""",
)
