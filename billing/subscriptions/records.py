"""Rows of subscriptions: their paid periods, the providers' ids that lead to them, what went back.

Invariant: a period exists once for each subscription and start, by the primary key of
subscription_periods; an id that a provider gave belongs to one of them, whoever claims it first.
Writes subscriptions, subscription_periods, period_reversals, subscription_objects and
provider_customers; whoever changes a subscription holds its account's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from billing.ledger.ledger import Scope
from billing.orders import gone
from billing.subscriptions.subscription import Period, Subscription
from store.database import Row, Transaction

ObjectPlace = tuple[str, str, str]  # provider, environment, object id
PeriodPlace = tuple[str, int]  # subscription, period start; 0: the subscription itself
ITSELF = 0


class PeriodReversal(msgspec.Struct, frozen=True, gc=False):
    """One refund or dispute; amount is the whole so far, in the period's currency."""

    period_id: str
    key: str
    account_id: str
    environment: str
    kind: gone.Kind
    amount: int
    status: gone.Status
    created_at: int


class PeriodClaim(msgspec.Struct, frozen=True, gc=False, order=True):
    """A provider's id that is to lead to a subscription, or to one of its periods, from now on."""

    provider: str
    environment: str
    object_id: str
    account_id: str
    subscription_id: str
    period_start_at: int

    @property
    def place(self) -> ObjectPlace:
        return (self.provider, self.environment, self.object_id)


async def load(tx: Transaction, ids: Iterable[str]) -> dict[str, Subscription]:
    """The subscriptions of these ids, whoever owns them; the caller compares the scope."""
    rows = await tx.fetch(
        f"SELECT {LISTED} FROM subscriptions WHERE id IN :ids[text]", ids=sorted(set(ids))
    )
    return {row["id"]: from_row(row) for row in rows}


async def load_living(tx: Transaction, scopes: Iterable[Scope]) -> dict[Scope, Subscription]:
    """Each tenant's newest subscription that is active or past due."""
    rows = await tx.fetch(
        f"""SELECT {_QUALIFIED}
            FROM :scopes[account_id text, environment text] AS v
            CROSS JOIN subscriptions s
            WHERE s.account_id = v.account_id AND s.environment = v.environment
              AND s.status IN ('active', 'past_due')
            ORDER BY s.id""",
        scopes=sorted(set(scopes)),
    )
    return {(row["account_id"], row["environment"]): from_row(row) for row in rows}


async def load_taken(tx: Transaction, scopes: Iterable[Scope]) -> list[Subscription]:
    """Those that live, and those whose checkout is paid while no invoice is: what each tenant has."""
    rows = await tx.fetch(
        f"""SELECT {_QUALIFIED}
            FROM :scopes[account_id text, environment text] AS v
            CROSS JOIN subscriptions s
            LEFT JOIN orders o ON o.id = s.order_id AND s.status = 'incomplete'
            WHERE s.account_id = v.account_id AND s.environment = v.environment
              AND (s.status IN ('active', 'past_due') OR o.status = 'paid')
            ORDER BY s.id""",
        scopes=sorted(set(scopes)),
    )
    return [from_row(row) for row in rows]


async def load_of_orders(tx: Transaction, order_ids: Iterable[str]) -> dict[str, Subscription]:
    """The subscriptions that these orders began, by their ids."""
    rows = await tx.fetch(
        f"SELECT {LISTED} FROM subscriptions WHERE order_id IN :ids[text]",
        ids=sorted(set(order_ids)),
    )
    return {row["id"]: from_row(row) for row in rows}


async def load_carried(
    tx: Transaction, scopes: Iterable[Scope]
) -> dict[tuple[Scope, str, str], int]:
    """What each tenant's last plan left in the customer's balance, by provider and currency."""
    rows = await tx.fetch(
        """SELECT s.account_id, s.environment, s.provider, s.currency, s.carried_amount
           FROM :scopes[account_id text, environment text] AS v
           CROSS JOIN subscriptions s
           WHERE s.account_id = v.account_id AND s.environment = v.environment
             AND s.status <> 'incomplete'
           ORDER BY s.id""",
        scopes=sorted(set(scopes)),
    )
    return {((r[0], r[1]), r[2], r[3]): int(r[4]) for r in rows}


async def load_periods(tx: Transaction, ids: Iterable[str]) -> dict[str, list[Period]]:
    """The paid periods of each subscription; a few dozen in years."""
    rows = await tx.fetch(
        f"""SELECT {", ".join(_PERIOD)} FROM subscription_periods
            WHERE subscription_id IN :ids[text] ORDER BY period_start_at""",
        ids=sorted(set(ids)),
    )
    found: dict[str, list[Period]] = {}
    for row in rows:
        found.setdefault(row["subscription_id"], []).append(_period(row))
    return found


async def load_reversals(tx: Transaction, ids: Iterable[str]) -> list[PeriodReversal]:
    """What went back of the payments of these subscriptions' periods."""
    rows = await tx.fetch(
        f"""SELECT {", ".join(f"r.{column}" for column in _REVERSAL)}
            FROM subscription_periods p JOIN period_reversals r ON r.period_id = p.id
            WHERE p.subscription_id IN :ids[text]""",
        ids=sorted(set(ids)),
    )
    return [PeriodReversal(*(row[column] for column in _REVERSAL)) for row in rows]


async def insert(tx: Transaction, subscriptions: Sequence[Subscription]) -> None:
    await tx.insert("subscriptions", COLUMNS, [_row(one, COLUMNS) for one in subscriptions])


async def update(tx: Transaction, subscriptions: Sequence[Subscription]) -> None:
    """Writes what may change of rows that exist."""
    if not subscriptions:
        return
    listed = sorted(subscriptions, key=lambda one: one.id)
    changed = await tx.execute(_UPDATE, rows=[_row(one, ("id", *_CHANGING)) for one in listed])
    assert changed == len(listed), "a subscription vanished under the lock"


async def keep_periods(tx: Transaction, periods: Iterable[Period]) -> None:
    """Writes them, new or with what went back."""
    listed = sorted(periods, key=lambda one: (one.subscription_id, one.period_start_at))
    rows = [
        tuple(int(value) if value is True or value is False else value for value in values)
        for values in map(msgspec.structs.astuple, listed)
    ]
    await tx.insert(
        "subscription_periods",
        _PERIOD,
        rows,
        on_conflict="""ON CONFLICT (subscription_id, period_start_at) DO UPDATE SET
            refunded_amount = excluded.refunded_amount,
            reversed_micros = excluded.reversed_micros""",
    )


async def keep_reversals(tx: Transaction, reversals: Iterable[PeriodReversal]) -> None:
    """Writes them, new or changed."""
    listed = sorted(reversals, key=lambda one: (one.period_id, one.key))
    await tx.insert(
        "period_reversals",
        _REVERSAL,
        [msgspec.structs.astuple(one) for one in listed],
        on_conflict="""ON CONFLICT (period_id, key) DO UPDATE SET
            kind = excluded.kind, amount = excluded.amount, status = excluded.status""",
    )


async def claim(
    tx: Transaction, claims: Iterable[PeriodClaim], *, now_us: int
) -> dict[ObjectPlace, PeriodPlace]:
    """Claims each id unless it leads elsewhere already; returns where each one leads."""
    first = {one.place: one for one in sorted(set(claims), reverse=True)}
    await tx.insert(
        "subscription_objects",
        (*_OBJECT, "created_at"),
        [(*msgspec.structs.astuple(one), now_us) for _, one in sorted(first.items())],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    return await _owners(tx, first)


async def find_objects(
    tx: Transaction, provider: str, environment: str, object_ids: Iterable[str]
) -> list[PeriodPlace]:
    """Where the known of the provider's ids lead, in their order."""
    wanted = [(provider, environment, one) for one in dict.fromkeys(object_ids)]
    owners = await _owners(tx, wanted)
    return [owners[place] for place in wanted if place in owners]


async def objects_of_order(tx: Transaction, order_id: str) -> list[str]:
    """The provider's ids of what paid the periods of the order's subscription."""
    rows = await tx.fetch(
        """SELECT o.object_id FROM subscription_objects o
           JOIN subscriptions s ON s.id = o.subscription_id
           WHERE s.order_id = :order_id AND o.period_start_at <> 0 ORDER BY o.object_id""",
        order_id=order_id,
    )
    return [row["object_id"] for row in rows]


async def objects_at(tx: Transaction, subscription_id: str, period_start_at: int) -> set[str]:
    """The provider's ids of what paid for the period that begins then."""
    rows = await tx.fetch(
        """SELECT object_id FROM subscription_objects
           WHERE subscription_id = :subscription_id AND period_start_at = :start""",
        subscription_id=subscription_id,
        start=period_start_at,
    )
    return {row["object_id"] for row in rows}


async def find_by_order(tx: Transaction, order_id: str) -> Subscription | None:
    """The subscription that the order began."""
    return await _one(tx, "order_id = :value", order_id)


async def find(tx: Transaction, subscription_id: str) -> Subscription | None:
    """The subscription of that id, whoever owns it."""
    return await _one(tx, "id = :value", subscription_id)


async def current(tx: Transaction, scope: Scope) -> Subscription | None:
    """The tenant's plan: its newest subscription that is active or past due."""
    return (await load_living(tx, [scope])).get(scope)


async def latest(tx: Transaction, scope: Scope) -> Subscription | None:
    """The tenant's plan, or else the last one that ended."""
    row = await tx.fetch_one(
        f"""SELECT {LISTED} FROM subscriptions
            WHERE account_id = :account_id AND environment = :environment
              AND status <> 'incomplete'
            ORDER BY CASE WHEN status IN ('active', 'past_due') THEN 0 ELSE 1 END, id DESC
            LIMIT 1""",
        account_id=scope[0],
        environment=scope[1],
    )
    return None if row is None else from_row(row)


async def page_of_all(
    tx: Transaction,
    environment: str,
    *,
    status: str | None = None,
    account_id: str | None = None,
    before_id: str | None = None,
    limit: int,
) -> list[Subscription]:
    """An operator's page: at most `limit`, newest first, older than before_id."""
    clauses = ["environment = :environment", "id < :before_id"]
    values = {"environment": environment, "before_id": before_id or "~"}
    for name, value in (("status", status), ("account_id", account_id)):
        if value is not None:
            clauses.append(f"{name} = :{name}")
            values[name] = value
    rows = await tx.fetch(
        f"""SELECT {LISTED} FROM subscriptions WHERE {" AND ".join(clauses)}
            ORDER BY id DESC LIMIT :limit""",
        limit=limit,
        **values,
    )
    return [from_row(row) for row in rows]


async def due(
    tx: Transaction, *, now_us: int, limit: int, but_ids: Sequence[str] = ()
) -> list[Subscription]:
    """Those whose state time alone changes, by their tenants' own clocks; but for the named."""
    plain, ahead = (
        ("AND NOT id IN :but_ids[text]", "AND NOT s.id IN :but_ids[text]") if but_ids else ("", "")
    )
    rows = await tx.fetch(
        f"""SELECT {LISTED} FROM subscriptions WHERE id IN (
                SELECT plain.id FROM (
                    SELECT id FROM subscriptions
                    WHERE due_at IS NOT NULL AND due_at <= :now {plain}
                    ORDER BY due_at LIMIT :limit) AS plain
                UNION
                SELECT s.id FROM account_environments e CROSS JOIN subscriptions s
                WHERE e.clock_ahead_us > 0 AND s.account_id = e.account_id
                  AND s.environment = e.environment AND s.due_at IS NOT NULL
                  AND s.due_at <= :now + e.clock_ahead_us {ahead})
            ORDER BY id LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_ids=but_ids,
    )
    return [from_row(row) for row in rows]


async def keep_customers(
    tx: Transaction, customers: Iterable[tuple[str, str, str, str]], *, now_us: int
) -> None:
    """Account, environment, provider and the provider's id of the customer; the newest stays."""
    await tx.insert(
        "provider_customers",
        ("account_id", "environment", "provider", "customer_ref", "updated_at"),
        [(*customer, now_us) for customer in sorted(customers)],
        on_conflict="""ON CONFLICT (account_id, environment, provider) DO UPDATE SET
            customer_ref = excluded.customer_ref, updated_at = excluded.updated_at""",
    )


async def find_customer(tx: Transaction, scope: Scope, provider: str) -> str | None:
    """Who the tenant is at the provider, once it paid there for a plan."""
    row = await tx.fetch_one(
        """SELECT customer_ref FROM provider_customers
           WHERE account_id = :account_id AND environment = :environment
             AND provider = :provider""",
        account_id=scope[0],
        environment=scope[1],
        provider=provider,
    )
    return None if row is None else row["customer_ref"]


def from_row(row: Row) -> Subscription:
    values: dict[str, Any] = {column: row[column] for column in COLUMNS}
    values |= {name: bool(values[name]) for name in _FLAGS}
    return Subscription(**values)


async def _owners(tx: Transaction, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, PeriodPlace]:
    rows = await tx.fetch(
        """SELECT o.provider, o.environment, o.object_id, o.subscription_id, o.period_start_at
           FROM :places[provider text, environment text, object_id text] AS v
           CROSS JOIN subscription_objects o
           WHERE o.provider = v.provider AND o.environment = v.environment
             AND o.object_id = v.object_id""",
        places=sorted(set(places)),
    )
    return {(r[0], r[1], r[2]): (r[3], int(r[4])) for r in rows}


async def _one(tx: Transaction, clause: str, value: str) -> Subscription | None:
    row = await tx.fetch_one(f"SELECT {LISTED} FROM subscriptions WHERE {clause}", value=value)
    return None if row is None else from_row(row)


COLUMNS: tuple[str, ...] = Subscription.__struct_fields__
LISTED = ", ".join(COLUMNS)
_QUALIFIED = ", ".join(f"s.{column}" for column in COLUMNS)
_FLAGS = ("is_stand_in", "is_ending")
_PERIOD: tuple[str, ...] = Period.__struct_fields__
_REVERSAL: tuple[str, ...] = PeriodReversal.__struct_fields__
_OBJECT: tuple[str, ...] = PeriodClaim.__struct_fields__
# What changes after the order was made, and its type; the rest is frozen.
_CHANGING: Mapping[str, str] = {
    "provider_ref": "text",
    "customer_ref": "text",
    "status": "text",
    "plan_id": "text",
    "plan_name": "text",
    "interval": "text",
    "credits_micros": "bigint",
    "amount": "bigint",
    "currency": "text",
    "first_amount": "bigint",
    "product_ref": "text",
    "next_plan_id": "text",
    "is_ending": "bigint",
    "carried_amount": "bigint",
    "told_at": "bigint",
    "paid_until_at": "bigint",
    "due_at": "bigint",
    "ended_at": "bigint",
}
_SET = ", ".join(f"{column} = v.{column}" for column in _CHANGING)
_TYPED = ", ".join(f"{column} {kind}" for column, kind in _CHANGING.items())
_UPDATE = (
    f"UPDATE subscriptions SET {_SET} FROM :rows[id text, {_TYPED}] AS v"
    " WHERE subscriptions.id = v.id"
)


def _row(one: Subscription, columns: Iterable[str]) -> tuple[object, ...]:
    values = msgspec.structs.asdict(one)
    values |= {name: int(values[name]) for name in _FLAGS}
    return tuple(values[column] for column in columns)


def _period(row: Row) -> Period:
    values: dict[str, Any] = {column: row[column] for column in _PERIOD}
    values["is_prorated"] = bool(values["is_prorated"])
    return Period(**values)
