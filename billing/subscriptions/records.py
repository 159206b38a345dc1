"""Store subscriptions, paid periods, providers' IDs and reversals.

A provider's ID belongs to the subscription that claimed it first. Writers hold the account's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from billing.catalog.grant_terms import AS_TERMS
from billing.ledger.price import Price
from billing.orders import refund
from billing.orders.records import ObjectKey, PeriodClaim, first_claims
from billing.orders.refund import Reversal
from billing.subscriptions.subscription import Period, Subscription
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping

# The subscription's ID and the period's start. The start is 0 for the subscription itself.
PeriodKey = tuple[str, int]
ITSELF = 0
ROWS = RowMapping(Subscription, stored={"grant_terms": AS_TERMS})
PERIODS = RowMapping(Period)
_CLAIMS = RowMapping(PeriodClaim)
_CHANGING = (
    "provider_ref",
    "customer_ref",
    "status",
    "plan_id",
    "plan_name",
    "interval",
    "credits_micros",
    "amount",
    "currency",
    "first_amount",
    "product_ref",
    "grant_terms",
    "next_plan_id",
    "next_interval",
    "next_amount",
    "trial_ends_at",
    "is_ending",
    "carried_amount",
    "carried_before",
    "reported_at",
    "paid_until_at",
    "charge_at",
    "paused_at",
    "resumes_at",
    "next_check_at",
    "due_at",
    "ended_at",
)
_CHANGED = ROWS.part("id", *_CHANGING)
_UPDATE = f"""
UPDATE subscriptions SET {ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE subscriptions.id = v.id
"""
_LOAD = f"SELECT {ROWS.listed} FROM subscriptions WHERE id IN :ids[text]"
_LOAD_OF_ORDERS = f"SELECT {ROWS.listed} FROM subscriptions WHERE order_id IN :ids[text]"
_LOAD_LIVING = f"""
SELECT {ROWS.of("s")} FROM :tenants[account_id text, environment text] AS v
CROSS JOIN subscriptions s
WHERE s.account_id = v.account_id AND s.environment = v.environment
  AND s.status IN ('active', 'past_due', 'paused')
ORDER BY s.id
"""
_LOAD_TAKEN = f"""
SELECT {ROWS.of("s")} FROM :tenants[account_id text, environment text] AS v
CROSS JOIN subscriptions s
LEFT JOIN orders o ON o.id = s.order_id AND s.status = 'incomplete'
WHERE s.account_id = v.account_id AND s.environment = v.environment
  AND (s.status IN ('active', 'past_due', 'paused') OR o.status = 'paid')
ORDER BY s.id
"""
_LOAD_CARRIED = """
SELECT s.account_id, s.environment, s.provider, s.currency, s.carried_amount, s.trial_ends_at
FROM :tenants[account_id text, environment text] AS v
CROSS JOIN subscriptions s
WHERE s.account_id = v.account_id AND s.environment = v.environment AND s.status <> 'incomplete'
ORDER BY s.id
"""
_LOAD_PERIODS = f"""
SELECT {PERIODS.listed} FROM subscription_periods
WHERE subscription_id IN :ids[text] ORDER BY period_start_at
"""
_LOAD_REVERSALS = f"""
SELECT period_id, {refund.LISTED} FROM period_reversals WHERE period_id IN :ids[text]
"""
_OWNERS = """
SELECT o.provider, o.environment, o.object_id, o.subscription_id, o.period_start_at
FROM :places[provider text, environment text, object_id text] AS v
CROSS JOIN subscription_objects o
WHERE o.provider = v.provider AND o.environment = v.environment AND o.object_id = v.object_id
"""
_LATEST = f"""
SELECT {ROWS.listed} FROM subscriptions
WHERE account_id = :account_id AND environment = :environment AND status <> 'incomplete'
ORDER BY CASE WHEN status IN ('active', 'past_due', 'paused') THEN 0 ELSE 1 END, id DESC
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """`amounts` holds the unused amount of each tenant's last plan, by tenant, provider and currency. `tried` holds the
    tenants that have had a trial.
    """

    amounts: Mapping[tuple[Tenant, str, str], int]
    tried: frozenset[Tenant]


async def load(tx: Transaction, ids: Iterable[str]) -> dict[str, Subscription]:
    return _by_id(await tx.fetch(_LOAD, ids=sorted(set(ids))))


async def load_of_orders(tx: Transaction, order_ids: Iterable[str]) -> dict[str, Subscription]:
    return _by_id(await tx.fetch(_LOAD_OF_ORDERS, ids=sorted(set(order_ids))))


async def load_living(tx: Transaction, tenants: Iterable[Tenant]) -> dict[Tenant, Subscription]:
    rows = await tx.fetch(_LOAD_LIVING, tenants=sorted(set(tenants)))
    return {Tenant(row["account_id"], row["environment"]): ROWS.read(row) for row in rows}


async def load_taken(tx: Transaction, tenants: Iterable[Tenant]) -> list[Subscription]:
    return [ROWS.read(row) for row in await tx.fetch(_LOAD_TAKEN, tenants=sorted(set(tenants)))]


async def load_carried(tx: Transaction, tenants: Iterable[Tenant]) -> Carried:
    rows = await tx.fetch(_LOAD_CARRIED, tenants=sorted(set(tenants)))
    return Carried(
        {(Tenant(r[0], r[1]), r[2], r[3]): int(r[4]) for r in rows},
        frozenset(Tenant(r[0], r[1]) for r in rows if r[5] is not None),
    )


async def load_periods(tx: Transaction, ids: Iterable[str]) -> dict[str, list[Period]]:
    found: dict[str, list[Period]] = {}
    for row in await tx.fetch(_LOAD_PERIODS, ids=sorted(set(ids))):
        found.setdefault(row["subscription_id"], []).append(PERIODS.read(row))
    return found


async def load_reversals(tx: Transaction, period_ids: Iterable[str]) -> list[Reversal]:
    rows = await tx.fetch(_LOAD_REVERSALS, ids=sorted(set(period_ids)))
    return [refund.read_row(row) for row in rows]


async def insert(tx: Transaction, subscriptions: Sequence[Subscription]) -> None:
    await tx.insert("subscriptions", ROWS.columns, [ROWS.write(one) for one in subscriptions])


async def update(tx: Transaction, subscriptions: Sequence[Subscription]) -> None:
    if not subscriptions:
        return
    listed = sorted(subscriptions, key=lambda one: one.id)
    changed = await tx.execute(_UPDATE, rows=[_CHANGED.write(one) for one in listed])
    assert changed == len(listed), "a subscription vanished under the lock"


async def save_periods(tx: Transaction, periods: Iterable[Period]) -> None:
    listed = sorted(periods, key=lambda one: (one.subscription_id, one.period_start_at))
    await tx.insert(
        "subscription_periods",
        PERIODS.columns,
        [PERIODS.write(one) for one in listed],
        on_conflict="""ON CONFLICT (subscription_id, period_start_at) DO UPDATE SET
            credits_micros = excluded.credits_micros,
            refunded_amount = excluded.refunded_amount,
            reversed_micros = excluded.reversed_micros,
            reversed_rolled_micros = excluded.reversed_rolled_micros,
            corrected_micros = excluded.corrected_micros,
            comp_ended_at = excluded.comp_ended_at""",
    )


async def save_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    await tx.insert(
        "period_reversals",
        ("period_id", *refund.COLUMNS),
        [refund.write_row(one) for one in reversals],
        on_conflict=f"ON CONFLICT (period_id, key) {refund.ON_CONFLICT}",
    )


async def claim(
    tx: Transaction, claims: Iterable[PeriodClaim], *, now_us: int
) -> dict[ObjectKey, PeriodKey]:
    """Claim each ID that isn't taken yet. Return the owner of each ID."""
    first = first_claims(claims)
    await tx.insert(
        "subscription_objects",
        (*_CLAIMS.columns, "created_at"),
        [(*_CLAIMS.write(one), now_us) for one in first],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    return await _owners(tx, [one.key for one in first])


async def find_objects(
    tx: Transaction, provider: str, environment: str, object_ids: Iterable[str]
) -> list[PeriodKey]:
    wanted = [(provider, environment, one) for one in dict.fromkeys(object_ids)]
    owners = await _owners(tx, wanted)
    return [owners[place] for place in wanted if place in owners]


async def objects_of_order(tx: Transaction, order_id: str) -> list[str]:
    rows = await tx.fetch(
        """SELECT o.object_id FROM subscription_objects o
           JOIN subscriptions s ON s.id = o.subscription_id
           WHERE s.order_id = :order_id AND o.period_start_at <> 0 ORDER BY o.object_id""",
        order_id=order_id,
    )
    return [row["object_id"] for row in rows]


async def objects_at(tx: Transaction, subscription_id: str, period_start_at: int) -> set[str]:
    rows = await tx.fetch(
        """SELECT object_id FROM subscription_objects
           WHERE subscription_id = :subscription_id AND period_start_at = :start""",
        subscription_id=subscription_id,
        start=period_start_at,
    )
    return {row["object_id"] for row in rows}


async def find_by_order(tx: Transaction, order_id: str) -> Subscription | None:
    return next(iter((await load_of_orders(tx, [order_id])).values()), None)


async def find(tx: Transaction, subscription_id: str) -> Subscription | None:
    return (await load(tx, [subscription_id])).get(subscription_id)


async def latest(tx: Transaction, tenant: Tenant) -> Subscription | None:
    row = await tx.fetch_one(_LATEST, **tenant._asdict())
    return None if row is None else ROWS.read(row)


async def page_of_all(
    tx: Transaction,
    environment: str,
    *,
    status: str | None = None,
    account_id: str | None = None,
    before_id: Begin = None,
    limit: int,
) -> list[Subscription]:
    rows = await _PAGES.page(
        tx,
        environment=environment,
        status=status,
        account_id=account_id,
        before_id=before_id,
        limit=limit,
    )
    return [ROWS.read(row) for row in rows]


async def due(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> list[Subscription]:
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM subscriptions WHERE id IN (
                SELECT plain.id FROM (
                    SELECT id FROM subscriptions
                    WHERE due_at IS NOT NULL AND due_at <= :now
                      AND NOT id IN :exclude_ids[text]
                    ORDER BY due_at LIMIT :limit) AS plain
                UNION
                SELECT s.id FROM account_environments e CROSS JOIN subscriptions s
                WHERE e.clock_ahead_us > 0 AND s.account_id = e.account_id
                  AND s.environment = e.environment AND s.due_at IS NOT NULL
                  AND s.due_at <= :now + e.clock_ahead_us
                  AND NOT s.id IN :exclude_ids[text])
            ORDER BY id LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
    )
    return [ROWS.read(row) for row in rows]


async def due_checks(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> list[Subscription]:
    rows = await tx.fetch(
        f"""SELECT {ROWS.of("s")} FROM subscriptions s
            JOIN account_environments e
              ON e.account_id = s.account_id AND e.environment = s.environment
            WHERE {_CHECKED} AND s.next_check_at <= :now + e.clock_ahead_us
            ORDER BY s.next_check_at - e.clock_ahead_us, s.id LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [ROWS.read(row) for row in rows]


async def next_check_at(
    tx: Transaction, *, exclude_ids: Sequence[str] = (), exclude_keys: Sequence[str] = ()
) -> int | None:
    row = await tx.fetch_one(
        f"""SELECT MIN(s.next_check_at - e.clock_ahead_us) AS at FROM subscriptions s
            JOIN account_environments e
              ON e.account_id = s.account_id AND e.environment = s.environment
            WHERE {_CHECKED}""",
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return None if row is None or row["at"] is None else int(row["at"])


async def count_overdue_pauses(tx: Transaction, *, before_us: int) -> dict[str, int]:
    rows = await tx.fetch(
        f"""SELECT s.environment, COUNT(*) AS number FROM subscriptions s
            JOIN account_environments e
              ON e.account_id = s.account_id AND e.environment = s.environment
            WHERE {_PAUSED} AND s.resumes_at <= :before + e.clock_ahead_us
            GROUP BY s.environment""",
        before=before_us,
    )
    return {row["environment"]: int(row["number"]) for row in rows}


async def save_customers(
    tx: Transaction, customers: Iterable[tuple[str, str, str, str]], *, now_us: int
) -> None:
    await tx.insert(
        "provider_customers",
        ("account_id", "environment", "provider", "customer_ref", "updated_at"),
        [(*customer, now_us) for customer in sorted(customers)],
        on_conflict="""ON CONFLICT (account_id, environment, provider) DO UPDATE SET
            customer_ref = excluded.customer_ref, updated_at = excluded.updated_at""",
    )


async def save_first_customer(
    tx: Transaction, tenant: Tenant, provider: str, ref: str, *, gone: str | None, now_us: int
) -> str:
    await tx.insert(
        "provider_customers",
        ("account_id", "environment", "provider", "customer_ref", "updated_at"),
        [(*tenant, provider, ref, now_us)],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    if gone is not None:
        await tx.execute(
            """UPDATE provider_customers SET customer_ref = :ref, updated_at = :now
               WHERE account_id = :account_id AND environment = :environment
                 AND provider = :provider AND customer_ref = :gone""",
            ref=ref,
            now=now_us,
            **tenant._asdict(),
            provider=provider,
            gone=gone,
        )
    kept = await find_customer(tx, tenant, provider)
    assert kept is not None, "it was just written"
    return kept


async def find_customer(tx: Transaction, tenant: Tenant, provider: str) -> str | None:
    row = await tx.fetch_one(
        """SELECT customer_ref FROM provider_customers
           WHERE account_id = :account_id AND environment = :environment
             AND provider = :provider""",
        **tenant._asdict(),
        provider=provider,
    )
    return None if row is None else row["customer_ref"]


async def _owners(tx: Transaction, keys: Iterable[ObjectKey]) -> dict[ObjectKey, PeriodKey]:
    rows = await tx.fetch(_OWNERS, places=sorted(set(keys)))
    return {(r[0], r[1], r[2]): (r[3], int(r[4])) for r in rows}


def _by_id(rows: Iterable[Row]) -> dict[str, Subscription]:
    return {row["id"]: ROWS.read(row) for row in rows}


_PAUSED = "s.next_check_at IS NOT NULL AND s.status = 'paused'"
_CHECKED = f"""{_PAUSED} AND NOT s.id IN :exclude_ids[text]
  AND NOT s.environment || '/' || s.provider IN :exclude_keys[text]"""
_PAGES = Keyset(
    ROWS.listed,
    "subscriptions",
    "environment = :environment",
    filters={"status": "status = :status", "account_id": "account_id = :account_id"},
)


async def mark_receipts(tx: Transaction, marks: Sequence[tuple[str, str]]) -> None:
    if marks:
        await tx.execute(_MARK_RECEIPTS, marks=sorted(marks))


async def mark_noted(tx: Transaction, marks: Sequence[tuple[str, int]]) -> None:
    if marks:
        await tx.execute(_MARK_NOTED, marks=sorted(marks))


_MARK_RECEIPTS = """
UPDATE subscription_periods SET receipt_id = v.receipt_id
FROM :marks[id text, receipt_id text] AS v
WHERE subscription_periods.id = v.id
"""
_MARK_NOTED = """
UPDATE subscription_periods SET noted_amount = v.noted_amount
FROM :marks[id text, noted_amount bigint] AS v
WHERE subscription_periods.id = v.id
"""


class HeldInvoice(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    provider: str
    environment: str
    invoice_id: str
    account_id: str
    subscription_id: str
    provider_ref: str
    customer_ref: str | None = None
    product_ref: str | None = None
    period_start_at: int
    period_end_at: int
    amount: int
    paid_amount: int
    currency: str
    plan_id: str
    price_amount: int
    price_currency: str
    credits_micros: int
    created_at: int
    resolved_at: int | None = None

    @property
    def came(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def paid(self) -> Price:
        return Price(self.paid_amount, self.currency)

    @property
    def price(self) -> Price:
        return Price(self.price_amount, self.price_currency)


async def load_held(tx: Transaction, subscription_ids: Iterable[str]) -> list[HeldInvoice]:
    rows = await tx.fetch(_LOAD_HELD, ids=sorted(set(subscription_ids)))
    return [_ROWS.read(row) for row in rows]


async def save_held(tx: Transaction, held: Sequence[HeldInvoice]) -> None:
    await tx.insert(
        "held_invoices",
        _ROWS.columns,
        [_ROWS.write(one) for one in sorted(held, key=lambda one: one.invoice_id)],
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def resolve(tx: Transaction, held: Iterable[HeldInvoice], *, now_us: int) -> None:
    for one in sorted(held, key=lambda each: each.invoice_id):
        await tx.execute(
            """UPDATE held_invoices SET resolved_at = :now
               WHERE provider = :provider AND environment = :environment
                 AND invoice_id = :invoice_id AND resolved_at IS NULL""",
            now=now_us,
            provider=one.provider,
            environment=one.environment,
            invoice_id=one.invoice_id,
        )


async def reopen(tx: Transaction, places: Iterable[ObjectKey]) -> None:
    for provider, environment, invoice_id in sorted(set(places)):
        await tx.execute(
            """UPDATE held_invoices SET resolved_at = NULL
               WHERE provider = :provider AND environment = :environment
                 AND invoice_id = :invoice_id""",
            provider=provider,
            environment=environment,
            invoice_id=invoice_id,
        )


_ROWS = RowMapping(HeldInvoice)
_LOAD_HELD = f"""
SELECT {_ROWS.listed} FROM held_invoices
WHERE subscription_id IN :ids[text] AND resolved_at IS NULL
ORDER BY period_start_at, invoice_id
"""
