"""Rows of orders, of the providers' ids that lead to them, and of what went back of their payments.

Invariant: an id that a provider gave belongs to one order, by the primary key of provider_objects:
whoever claims it first. Writes orders, provider_objects and order_reversals; whoever changes an
order holds its account's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from billing.ledger.ledger import Scope
from billing.orders import gone
from billing.orders.order import Order
from store.database import Row, Transaction

RequestPlace = tuple[str, str, str]  # account, environment, digest
ObjectPlace = tuple[str, str, str]  # provider, environment, object id


class Reversal(msgspec.Struct, frozen=True, gc=False):
    """One refund or dispute; amount is the whole so far, in the order's pay_currency."""

    order_id: str
    key: str
    account_id: str
    environment: str
    kind: gone.Kind
    amount: int
    status: gone.Status
    created_at: int


class Claim(msgspec.Struct, frozen=True, gc=False, order=True):
    """A provider's id that is to lead to an order from now on."""

    provider: str
    environment: str
    object_id: str
    account_id: str
    order_id: str

    @property
    def place(self) -> ObjectPlace:
        return (self.provider, self.environment, self.object_id)


async def load(tx: Transaction, ids: Iterable[str]) -> dict[str, Order]:
    """The orders of these ids, whoever owns them; the caller compares the scope."""
    rows = await tx.fetch(
        f"SELECT {LISTED} FROM orders WHERE id IN :ids[text]", ids=sorted(set(ids))
    )
    return {row["id"]: from_row(row) for row in rows}


async def load_requests(
    tx: Transaction, places: Iterable[RequestPlace]
) -> dict[RequestPlace, Order]:
    """The orders that requests with an Idempotency-Key made."""
    rows = await tx.fetch(
        f"""SELECT {_QUALIFIED}
            FROM :places[account_id text, environment text, digest text] AS v
            CROSS JOIN orders o
            WHERE o.account_id = v.account_id AND o.environment = v.environment
              AND o.request_digest = v.digest""",
        places=sorted(set(places)),
    )
    return {
        (row["account_id"], row["environment"], row["request_digest"]): from_row(row)
        for row in rows
    }


async def count_pending(tx: Transaction, scopes: Iterable[Scope]) -> dict[Scope, int]:
    """How many unpaid orders each tenant has; none is missing."""
    rows = await tx.fetch(
        """SELECT o.account_id, o.environment, COUNT(*) AS pending
           FROM :scopes[account_id text, environment text] AS v
           CROSS JOIN orders o
           WHERE o.account_id = v.account_id AND o.environment = v.environment
             AND o.status = 'pending'
           GROUP BY o.account_id, o.environment""",
        scopes=sorted(set(scopes)),
    )
    return {(row["account_id"], row["environment"]): int(row["pending"]) for row in rows}


async def load_open_plans(tx: Transaction, scopes: Iterable[Scope]) -> dict[Scope, Order]:
    """Each tenant's unpaid order of a plan; were there several, the oldest."""
    rows = await tx.fetch(
        f"""SELECT {_QUALIFIED}
            FROM :scopes[account_id text, environment text] AS v
            CROSS JOIN orders o
            WHERE o.account_id = v.account_id AND o.environment = v.environment
              AND o.status = 'pending' AND o.kind = 'subscription'
            ORDER BY o.id DESC""",
        scopes=sorted(set(scopes)),
    )
    return {(row["account_id"], row["environment"]): from_row(row) for row in rows}


async def insert(tx: Transaction, orders: Sequence[Order]) -> None:
    await tx.insert("orders", COLUMNS, [_row(order, COLUMNS) for order in orders])


async def update(tx: Transaction, orders: Sequence[Order]) -> None:
    """Writes what may change of rows that exist."""
    if not orders:
        return
    rows = [_row(order, ("id", *_CHANGING)) for order in sorted(orders, key=lambda one: one.id)]
    changed = await tx.execute(_UPDATE, rows=rows)
    assert changed == len(orders), "an order vanished under the lock"


async def claim(tx: Transaction, claims: Iterable[Claim], *, now_us: int) -> dict[ObjectPlace, str]:
    """Claims each id for its order unless another has it; returns whose each one is.

    Two transactions that claim one id wait for each other here, so they learn the same owner.
    """
    wanted = sorted(set(claims))
    first = {one.place: one for one in reversed(wanted)}
    await tx.insert(
        "provider_objects",
        ("provider", "environment", "object_id", "account_id", "order_id", "created_at"),
        [(*place, one.account_id, one.order_id, now_us) for place, one in sorted(first.items())],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    rows = await tx.fetch(
        """SELECT o.provider, o.environment, o.object_id, o.order_id
           FROM :places[provider text, environment text, object_id text] AS v
           CROSS JOIN provider_objects o
           WHERE o.provider = v.provider AND o.environment = v.environment
             AND o.object_id = v.object_id""",
        places=sorted(first),
    )
    return {(r["provider"], r["environment"], r["object_id"]): r["order_id"] or "" for r in rows}


async def load_reversals(tx: Transaction, ids: Iterable[str]) -> dict[str, list[Reversal]]:
    """What went back of each order's payment."""
    rows = await tx.fetch(
        f"SELECT {', '.join(_REVERSAL)} FROM order_reversals WHERE order_id IN :ids[text]",
        ids=sorted(set(ids)),
    )
    found: dict[str, list[Reversal]] = {}
    for row in rows:
        reversal = Reversal(*(row[column] for column in _REVERSAL))
        found.setdefault(reversal.order_id, []).append(reversal)
    return found


async def keep_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    """Writes them, new or changed."""
    listed = sorted(reversals, key=lambda one: (one.order_id, one.key))
    await tx.insert(
        "order_reversals",
        _REVERSAL,
        [msgspec.structs.astuple(one) for one in listed],
        on_conflict="""ON CONFLICT (order_id, key) DO UPDATE SET
            kind = excluded.kind, amount = excluded.amount, status = excluded.status""",
    )


def from_row(row: Row) -> Order:
    values: dict[str, Any] = {column: row[column] for column in COLUMNS}
    values["is_stand_in"] = bool(values["is_stand_in"])
    return Order(**values)


COLUMNS: tuple[str, ...] = Order.__struct_fields__
LISTED = ", ".join(COLUMNS)
_QUALIFIED = ", ".join(f"o.{column}" for column in COLUMNS)
_REVERSAL: tuple[str, ...] = Reversal.__struct_fields__
# What changes after the order was made, and its type; the rest is frozen.
_CHANGING: Mapping[str, str] = {
    "status": "text",
    "url": "text",
    "provider_ref": "text",
    "customer_ref": "text",
    "invoice_pdf": "text",
    "payment_id": "text",
    "paid_amount": "bigint",
    "paid_currency": "text",
    "credits_micros": "bigint",
    "promotional_micros": "bigint",
    "refunded_amount": "bigint",
    "reversed_micros": "bigint",
    "reversed_promotional_micros": "bigint",
    "reversed_grant_micros": "bigint",
    "reason": "text",
    "next_check_at": "bigint",
    "checks_made": "bigint",
    "paid_at": "bigint",
}
_SET = ", ".join(f"{column} = v.{column}" for column in _CHANGING)
_TYPED = ", ".join(f"{column} {kind}" for column, kind in _CHANGING.items())
_UPDATE = f"UPDATE orders SET {_SET} FROM :rows[id text, {_TYPED}] AS v WHERE orders.id = v.id"


def _row(order: Order, columns: Iterable[str]) -> tuple[object, ...]:
    values = msgspec.structs.asdict(order)
    values["is_stand_in"] = int(order.is_stand_in)
    return tuple(values[column] for column in columns)
