"""Read orders: by ID, in pages, due ones, and the two lists for operators."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from billing.orders import records as order_rows
from billing.orders.order import Order
from billing.orders.records import ROWS
from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Transaction
from store.keyset import Begin, Keyset, ListStretch


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """created_before is exclusive. account_id and environment are for operators' pages."""

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
    """Return any account's order; the caller compares account and environment."""
    return (await order_rows.load(tx, [order_id])).get(order_id)


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
    """Return the newest of the tenant's last `limit` orders whose return URL ends like that."""
    latest = await page(tx, tenant, OrderFilter(), before_id=None, limit=limit)
    return next((one for one in latest if (one.success_url or "").endswith(ending)), None)


async def numbered_page(
    tx: Transaction, tenant: Tenant, wanted: OrderFilter, *, offset: int, limit: int
) -> tuple[Sequence[Order], int]:
    """Return the orders from that offset, newest first, and their total, for dialects with numbered pages."""
    values = asdict(_owned(tenant, wanted))
    rows, total = await _PAGES.numbered_page(tx, offset=offset, limit=limit, **values)
    return [ROWS.read(row) for row in rows], total


async def due(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> Sequence[Order]:
    """Return pending orders whose provider is to be called, the longest due first. exclude_keys:
    "environment/provider".
    """
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM orders
            WHERE status = 'pending' AND next_check_at IS NOT NULL AND next_check_at <= :now
              AND NOT id IN :exclude_ids[text]
              AND NOT environment || '/' || provider IN :exclude_keys[text]
            ORDER BY next_check_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [ROWS.read(row) for row in rows]


async def next_due_at(
    tx: Transaction, *, exclude_ids: Sequence[str] = (), exclude_keys: Sequence[str] = ()
) -> int | None:
    row = await tx.fetch_one(
        """SELECT next_check_at FROM orders
            WHERE status = 'pending' AND next_check_at IS NOT NULL AND NOT id IN :exclude_ids[text]
              AND NOT environment || '/' || provider IN :exclude_keys[text]
            ORDER BY next_check_at LIMIT 1""",
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return None if row is None else int(row["next_check_at"])


async def opened_since(
    tx: Transaction, environment: str, provider: str, *, after_id: str, limit: int
) -> Sequence[Order]:
    """Return orders, oldest first, whose checkout the provider opened and that aren't pending. Without
    approvals without a payment, and simulated ones.
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
    """Return orders in review, and settled ones with an unresolved notification, such as a second payment.
    reason: one of billing/providers/problem.py.
    """
    pages = _PAID_UNCREDITED if reason is None else _NOTIFIED_FOR
    rows = await pages.page(
        tx, environment=environment, reason=reason, before_id=before_id, limit=limit
    )
    return [ROWS.read(row) for row in rows]


async def credited_unpaid(
    tx: Transaction, environment: str, *, before_id: str | None = None, limit: int
) -> Sequence[Order]:
    """Return orders whose credit no payment covers. The money was returned and the account owes what it had
    spent, or an operator approved an unconfirmed payment.
    """
    rows = await _CREDITED_UNPAID.page(
        tx, environment=environment, before_id=before_id, limit=limit
    )
    return [ROWS.read(row) for row in rows]


def _owned(tenant: Tenant, wanted: OrderFilter) -> OrderFilter:
    return replace(wanted, account_id=tenant.account_id, environment=tenant.environment)


# By credits, because prices may be in several currencies.
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
# Only few orders wait for an operator.
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
