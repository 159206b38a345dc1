"""What a provider reports before we know its payment: related IDs, refunds and disputes.

A refund or dispute waits for its payment, so facts may arrive in any order. Only genuine notifications leave
rows.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from billing.ledger.price import Price
from billing.orders.refund import Reversed
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import DisputeClosed, Disputed, Refunded, RefundFailed, Subject
from store.database import Row, Transaction
from store.row_mapping import RowMapping

UnmatchedKind = Literal["refund", "part", "failed", "failed_part", "dispute", "closed"]
IDS_MAX = 100


class _Unmatched(msgspec.Struct, frozen=True, gc=False):
    provider: str
    environment: str
    object_id: str
    key: str
    kind: UnmatchedKind
    account_id: str | None
    amount: int
    currency: str
    is_won: int
    created_at: int


_ROWS = RowMapping(_Unmatched)


async def link(
    tx: Transaction, notification: NotificationRef, ids: Sequence[str], *, now_us: int
) -> None:
    """Record that these IDs belong together; the first is the one that payments are known by."""
    rows = [
        (notification.provider, notification.environment, one, ids[0], now_us)
        for one in sorted(set(ids[1:IDS_MAX]) - {ids[0]})
    ]
    await tx.insert(
        "provider_links",
        ("provider", "environment", "object_id", "linked_id", "created_at"),
        rows,
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def related(
    tx: Transaction, notification: NotificationRef, ids: Iterable[str]
) -> tuple[str, ...]:
    given = list(dict.fromkeys(ids))[:IDS_MAX]
    if not given:
        return ()
    rows = await tx.fetch(
        """SELECT object_id, linked_id FROM provider_links
           WHERE provider = :provider AND environment = :environment
             AND object_id IN :ids[text]
           UNION
           SELECT object_id, linked_id FROM provider_links
           WHERE provider = :provider AND environment = :environment
             AND linked_id IN :ids[text]
           ORDER BY linked_id, object_id""",
        provider=notification.provider,
        environment=notification.environment,
        ids=sorted(given),
    )
    also = [one for row in rows for one in (row["linked_id"], row["object_id"])]
    return tuple(dict.fromkeys([*given, *also]))


async def keep(
    tx: Transaction,
    notification: NotificationRef,
    fact: Reversed,
    *,
    account_id: str | None,
    now_us: int,
) -> None:
    """Store the fact under each of its IDs; of a growing sum the largest stays."""
    price = Price(0, "") if isinstance(fact, DisputeClosed) else fact.price
    rows = [
        _Unmatched(
            notification.provider,
            notification.environment,
            object_id,
            fact.key,
            _kind(fact),
            account_id,
            price.amount,
            price.currency,
            int(isinstance(fact, DisputeClosed) and fact.is_won),
            now_us,
        )
        for object_id in sorted(set(fact.subject.objects[:IDS_MAX]))
    ]
    await tx.insert(
        "provider_strays",
        _ROWS.columns,
        [_ROWS.write(row) for row in rows],
        on_conflict="""ON CONFLICT (provider, environment, object_id, key, kind) DO UPDATE SET
            amount = excluded.amount WHERE provider_strays.amount < excluded.amount""",
    )


async def waiting(
    tx: Transaction, notification: NotificationRef, ids: Iterable[str]
) -> list[Reversed]:
    """Return what waits for the payment with one of these IDs, a dispute before its end."""
    rows = await tx.fetch(
        """SELECT DISTINCT object_id, key, kind, amount, currency, is_won, created_at
           FROM provider_strays
           WHERE provider = :provider AND environment = :environment AND object_id IN :ids[text]
           ORDER BY created_at, kind DESC, key""",
        provider=notification.provider,
        environment=notification.environment,
        ids=sorted(set(ids)),
    )
    return [_fact(row) for row in rows]


def _fact(row: Row) -> Reversed:
    subject = Subject(None, (row["object_id"],))
    if row["kind"] == "closed":
        return DisputeClosed(subject, row["key"], is_won=bool(row["is_won"]))
    price = Price(row["amount"], row["currency"])
    if row["kind"] == "dispute":
        return Disputed(subject, row["key"], price)
    form = RefundFailed if row["kind"].startswith("failed") else Refunded
    return form(subject, row["key"], price, is_part=row["kind"].endswith("part"))


def _kind(fact: Reversed) -> UnmatchedKind:
    match fact:
        case DisputeClosed():
            return "closed"
        case Disputed():
            return "dispute"
        case RefundFailed():
            return "failed_part" if fact.is_part else "failed"
        case Refunded():
            return "part" if fact.is_part else "refund"
