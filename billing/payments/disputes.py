"""Disputes as their providers tell them, kept for the desk with the time until which evidence counts.

Promise: what is told of a dispute is kept whether its order is known or not; what the provider said later
stays, and one that ended does not open again. Operators' accounts are told of each new one. What a dispute
does to credit is billing/orders/reversal.py's. Writes disputes.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from billing.ledger.price import Price
from billing.providers.abilities.dispute_note import DisputeNote
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import DisputeClosed, Disputed
from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.storable import storable
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Row, Transaction
from store.row_mapping import RowMapping
from webhooks.events.event import Outbox

DISPUTE_OPENED = "dispute.opened"
WORD_CHARACTERS_MAX = 60
LISTED_MAX = 200
_OPERATORS = """
SELECT e.account_id FROM accounts a
JOIN account_environments e ON e.account_id = a.id AND e.environment = :environment
WHERE a.is_operator = 1 ORDER BY e.account_id
"""


class Dispute(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row of disputes; the columns' meaning is in store/schema.py."""

    provider: str
    environment: str
    id: str
    account_id: str | None = None
    order_id: str | None = None
    amount: int
    currency: str
    status: str
    reason: str
    is_inquiry: bool = False
    due_at: int | None = None
    page_url: str | None = None
    created_at: int
    told_at: int
    ended_at: int | None = None

    @property
    def price(self) -> Price:
        """What is disputed."""
        return Price(self.amount, self.currency)

    def shape(self) -> dict[str, Any]:
        """As operators see it; amount in the smallest unit of its currency."""
        ended = self.ended_at
        return {
            "id": self.id,
            "provider": self.provider,
            "environment": self.environment,
            "account_id": self.account_id,
            "order_id": self.order_id,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "reason": self.reason,
            "is_inquiry": self.is_inquiry,
            "evidence_due_at": None if self.due_at is None else rfc3339(self.due_at),
            "page_url": self.page_url,
            "created_at": rfc3339(self.created_at),
            "ended_at": None if ended is None else rfc3339(ended),
        }


async def keep(
    tx: Transaction,
    notification: NotificationRef,
    fact: Disputed | DisputeClosed,
    owner: tuple[str | None, str | None],
    *,
    now_us: int,
) -> None:
    """What the fact says of the dispute; owner: its account and order, as far as they are known.

    Operators are told in the same transaction, once for each dispute. Where the fact says no more than
    its sum, a dispute that is known learns its order.
    """
    note = fact.note or _bare(fact)
    price = fact.price if isinstance(fact, Disputed) else Price(0, "")
    said = Dispute(
        provider=notification.provider,
        environment=notification.environment,
        id=fact.key,
        account_id=owner[0],
        order_id=owner[1],
        amount=price.amount,
        currency=price.currency,
        status=storable(note.status, characters_max=WORD_CHARACTERS_MAX),
        reason=storable(note.reason, characters_max=WORD_CHARACTERS_MAX),
        is_inquiry=note.is_inquiry,
        due_at=note.due_at,
        page_url=note.page_url,
        created_at=now_us,
        told_at=now_us,
        ended_at=now_us if note.is_over else None,
    )
    known = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM disputes"
        " WHERE provider = :provider AND environment = :environment AND id = :id",
        provider=said.provider,
        environment=said.environment,
        id=said.id,
    )
    on_conflict = _UPDATE if fact.note is not None else _LEARN
    await tx.insert("disputes", _ROWS.columns, [_ROWS.write(said)], on_conflict=on_conflict)
    if known is None and not note.is_over:
        await _tell(tx, said, now_us=now_us)


async def open_disputes(tx: Transaction, environment: str) -> list[Dispute]:
    """Those that have not ended, the nearest end of evidence first; at most LISTED_MAX."""
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM disputes
            WHERE environment = :environment AND ended_at IS NULL
            ORDER BY CASE WHEN due_at IS NULL THEN 1 ELSE 0 END, due_at, created_at, id
            LIMIT :limit""",
        environment=environment,
        limit=LISTED_MAX,
    )
    return [_dispute(row) for row in rows]


async def ended_disputes(tx: Transaction, environment: str, *, limit: int) -> list[Dispute]:
    """The last that ended, the latest first."""
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM disputes
            WHERE environment = :environment AND ended_at IS NOT NULL
            ORDER BY ended_at DESC, id LIMIT :limit""",
        environment=environment,
        limit=limit,
    )
    return [_dispute(row) for row in rows]


async def of_order(tx: Transaction, order_id: str) -> Sequence[Dispute]:
    """Those of one order, the oldest first."""
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM disputes WHERE order_id = :id ORDER BY created_at, id",
        id=order_id,
    )
    return [_dispute(row) for row in rows]


async def find(tx: Transaction, environment: str, dispute_id: str) -> Dispute:
    """By the provider's id of it; raises NotFound."""
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM disputes WHERE environment = :environment AND id = :id",
        environment=environment,
        id=dispute_id,
    )
    if row is None:
        raise NotFound("Dispute")
    return _dispute(row)


def _bare(fact: Disputed | DisputeClosed) -> DisputeNote:
    """What a fact without a note says: that there is one, or how it ended."""
    if isinstance(fact, DisputeClosed):
        return DisputeNote("won" if fact.is_won else "lost", is_over=True)
    return DisputeNote("open")


async def _tell(tx: Transaction, said: Dispute, *, now_us: int) -> None:
    rows = await tx.fetch(_OPERATORS, environment=said.environment)
    tenants = [Tenant(row["account_id"], said.environment) for row in rows]
    if not tenants:
        return
    await lock_tenants(tx, tenants)
    outbox = await Outbox.load(tx, tenants)
    for tenant in tenants:
        outbox.publish(tenant, type=DISPUTE_OPENED, data=said.shape(), now_us=now_us)
    await outbox.flush(tx)


def _dispute(row: Row) -> Dispute:
    return _ROWS.read(row)


_ROWS = RowMapping(Dispute)
# Of an update that came late nothing is taken back: what ended stays so.
_LEARN = """ON CONFLICT (provider, environment, id) DO UPDATE SET
    account_id = COALESCE(disputes.account_id, excluded.account_id),
    order_id = COALESCE(disputes.order_id, excluded.order_id),
    ended_at = COALESCE(disputes.ended_at, excluded.ended_at),
    status = CASE WHEN disputes.ended_at IS NULL AND excluded.ended_at IS NOT NULL
        THEN excluded.status ELSE disputes.status END"""
_UPDATE = """ON CONFLICT (provider, environment, id) DO UPDATE SET
    account_id = COALESCE(disputes.account_id, excluded.account_id),
    order_id = COALESCE(disputes.order_id, excluded.order_id),
    amount = CASE WHEN excluded.amount > 0 THEN excluded.amount ELSE disputes.amount END,
    currency = CASE WHEN excluded.currency <> '' THEN excluded.currency
        ELSE disputes.currency END,
    status = CASE WHEN disputes.ended_at IS NULL THEN excluded.status
        ELSE disputes.status END,
    reason = CASE WHEN excluded.reason <> '' THEN excluded.reason ELSE disputes.reason END,
    is_inquiry = excluded.is_inquiry,
    due_at = COALESCE(excluded.due_at, disputes.due_at),
    page_url = COALESCE(excluded.page_url, disputes.page_url),
    told_at = excluded.told_at,
    ended_at = COALESCE(disputes.ended_at, excluded.ended_at)"""
