"""Read top-ups: the history, due top-ups, and the timeline of one top-up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from billing.ledger.chart import OPERATORS_OWN
from billing.ledger.ledger import transfers_of
from billing.ledger.statement import account_label, transfer_shape
from billing.topups import approval as approvals, fulfilment as attempts, reverse, topup as topups
from billing.topups.approval import Approval
from billing.topups.fulfilment import Attempt
from billing.topups.mail import Mail, of_topups
from billing.topups.reverse import TopUpReversal
from billing.topups.topup import ROWS, TopUp, load
from billing.topups.working_set import load_intents
from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.tenant import Tenant
from kernel.trace import request_id_of
from keys import sandbox_clock
from keys.member import emails_of
from store.database import Row, Transaction
from store.keyset import Begin, Keyset, ListStretch


@dataclass(frozen=True, slots=True)
class TopUpFilter:
    status: str | None = None
    platform: str | None = None
    recipient_email: str | None = None
    reference: str | None = None
    key_id: str | None = None
    created_after: int | None = None
    created_before: int | None = None


IS_NOT_DELIVERED: Final = "status <> 'delivered'"
_PAGES = Keyset(
    ROWS.listed,
    "topups",
    "account_id = :account_id AND environment = :environment",
    filters={
        "status": "status = :status",
        "rare_status": f"status = :rare_status AND {IS_NOT_DELIVERED}",
        "platform": "platform = :platform",
        "recipient_email": "recipient_email = :recipient_email",
        "reference": "reference = :reference",
        "key_id": "SUBSTR(spent_by, 1, 20) = :key_id",
        "created_after": "created_at >= :created_after",
        "created_before": "created_at < :created_before",
    },
    sorts={"amount": "amount_cents"},
    # Recipients aren't indexed. An index would add 22 us to each send, because of random writes.
    indexed=("rare_status", "reference"),
    days_of="txn",
)
SORTS: Final = _PAGES.sorts


async def page(
    tx: Transaction, tenant: Tenant, wanted: TopUpFilter, *, before_id: Begin, limit: int
) -> ListStretch[TopUp]:
    values = _values(wanted)
    return await _PAGES.stretch(tx, ROWS.read, tenant, before_id=before_id, limit=limit, **values)


async def total(
    tx: Transaction, tenant: Tenant, wanted: TopUpFilter, *, most: int
) -> tuple[int, int, bool]:
    """Return the number of matching top-ups, their total in cents, and whether there are more than `most`."""
    return await _PAGES.total(tx, tenant, "amount_cents", most=most, **_values(wanted))


def _values(wanted: TopUpFilter) -> dict[str, Any]:
    values = asdict(wanted)
    if wanted.status != "delivered":
        values["rare_status"] = values.pop("status")
    return values


class SenderKey(NamedTuple):
    id: str | None
    name: str | None


async def sender_keys(
    tx: Transaction, tenant: Tenant, ids: Iterable[str | None]
) -> dict[str | None, SenderKey]:
    wanted = sorted({one for one in ids if one is not None})
    rows = await tx.fetch(_SENDER_KEYS, ids=wanted, **tenant._asdict()) if wanted else []
    return {row["id"]: SenderKey(row["key_id"], row["key_name"]) for row in rows}


async def unknown_ids(tx: Transaction, ids: Sequence[str]) -> list[str]:
    rows = await tx.fetch("SELECT id FROM topups WHERE id IN :ids[text]", ids=list(ids))
    known = {row["id"] for row in rows}
    return [one for one in ids if one not in known]


class Due(NamedTuple):
    id: str
    tenant: Tenant
    platform: str
    fulfilment: str
    supplier: str | None
    checks_made: int
    recipient_email: str


async def due(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    but_suppliers: Sequence[tuple[str, str]] = (),
) -> list[Due]:
    rows = await tx.fetch(
        f"""SELECT {_DUE_COLUMNS} FROM topups
            WHERE status = 'pending' AND next_check_at IS NOT NULL AND next_check_at <= :now
              AND {_NOT_EXCLUDED}
            ORDER BY next_check_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
        but_suppliers=["/".join(pair) for pair in but_suppliers],
    )
    return [Due(row[0], Tenant(row[1], row[2]), *row[3:8]) for row in rows]


async def due_of(
    tx: Transaction,
    place: tuple[str, str],
    *,
    now_us: int,
    exclude_ids: Sequence[str] = (),
    last_ids: Sequence[str] = (),
) -> list[Due]:
    rows = await tx.fetch(
        f"""SELECT {_DUE_COLUMNS} FROM topups
            WHERE status = 'pending' AND next_check_at IS NOT NULL AND next_check_at <= :now
              AND environment = :environment AND supplier = :supplier
              AND NOT id IN :exclude_ids[text]
            ORDER BY CASE WHEN id IN :last_ids[text] THEN 2 WHEN checks_made > 0 THEN 1 ELSE 0 END,
                next_check_at LIMIT 1""",
        now=now_us,
        environment=place[0],
        supplier=place[1],
        exclude_ids=exclude_ids,
        last_ids=last_ids,
    )
    return [Due(row[0], Tenant(row[1], row[2]), *row[3:8]) for row in rows]


async def next_due_at(
    tx: Transaction,
    *,
    exclude_ids: Sequence[str] = (),
    but_suppliers: Sequence[tuple[str, str]] = (),
) -> int | None:
    row = await tx.fetch_one(
        f"""SELECT next_check_at FROM topups
            WHERE status = 'pending' AND next_check_at IS NOT NULL AND {_NOT_EXCLUDED}
            ORDER BY next_check_at LIMIT 1""",
        exclude_ids=exclude_ids,
        but_suppliers=["/".join(pair) for pair in but_suppliers],
    )
    return None if row is None else int(row["next_check_at"])


_DUE_COLUMNS: Final = """id, account_id, environment, platform, fulfilment, supplier, checks_made,
    recipient_email"""
_NOT_EXCLUDED: Final = """NOT id IN :exclude_ids[text]
    AND (supplier IS NULL OR NOT environment || '/' || supplier IN :but_suppliers[text])"""


@dataclass(frozen=True, slots=True)
class TopUpTimeline:
    topup: TopUp
    transfers: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    approval_id: str | None
    approval_status: str | None
    request_id: str | None
    attempts: Sequence[Attempt]
    mails: Sequence[Mail]
    reversal: TopUpReversal | None = None

    @property
    def cost_cents(self) -> int | None:
        return next((one.cost_cents for one in self.attempts if one.outcome == "delivered"), None)


async def topup_timeline(
    tx: Transaction, tenant: Tenant, topup_id: str, *, now_us: int
) -> TopUpTimeline:
    found = (await topups.load(tx, [topup_id])).get(topup_id)
    if found is None or found.tenant != tenant:
        raise NotFound("Transaction", param="transaction_id")
    moved = [one for one in await transfers_of(tx, [topup_id]) if one.code not in OPERATORS_OWN]
    labels = await ledger_labels(tx, [side for t in moved for side in (t.debit_id, t.credit_id)])
    events = await tx.fetch(
        """SELECT id, type, event_no, created_at, trace FROM events
           WHERE transaction_id = :id ORDER BY event_no""",
        id=topup_id,
    )
    trace = found.trace or next((row["trace"] for row in events), None)
    asked_id, asked_status = await approvals.status_of(tx, topup_id, now_us=now_us) or (None, None)
    return TopUpTimeline(
        found,
        [
            transfer_shape(
                t.id,
                labels[t.debit_id],
                labels[t.credit_id],
                t.amount_micros,
                t.code,
                t.created_at,
                key_id=found.key_id,
                key_name=found.key_name,
            )
            for t in moved
        ],
        [_event_shape(row) for row in events],
        asked_id,
        asked_status,
        None if trace is None else request_id_of(trace),
        await attempts.load(tx, [topup_id]),
        (await of_topups(tx, [topup_id])).get(topup_id, ()),
        (await reverse.load(tx, [topup_id])).get(topup_id),
    )


@dataclass(frozen=True, slots=True)
class AskedApproval:
    approval: Approval
    topup: TopUp
    key_name: str | None
    sender_email: str | None = None

    @property
    def id(self) -> str:
        return self.approval.id


async def with_topups(tx: Transaction, asked: Sequence[Approval]) -> Sequence[AskedApproval]:
    if not asked:
        return ()
    found = await topups.load(tx, [one.transaction_id for one in asked])
    key_ids = sorted({one.requested_by for one in asked if one.requested_by is not None})
    rows = await tx.fetch("SELECT id, name FROM api_keys WHERE id IN :ids[text]", ids=key_ids)
    names = {row["id"]: row["name"] for row in rows}
    left = [one for one in asked if one.reason == "sender_left"]
    emails = await emails_of(tx, [(one.account_id, one.requested_by or "") for one in left])
    return [
        AskedApproval(
            one,
            found[one.transaction_id],
            names.get(one.requested_by or ""),
            emails.get((one.account_id, one.requested_by or "")),
        )
        for one in asked
    ]


async def waiting(
    tx: Transaction, tenant: Tenant, approval_ids: Sequence[str], *, now_us: int
) -> Sequence[AskedApproval]:
    own_now_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us)
    found = [
        one
        for one in await approvals.find_each(tx, approval_ids)
        if one.tenant == tenant and one.at(own_now_us).status == "pending"
    ]
    return await with_topups(tx, found)


async def ledger_labels(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    rows = await tx.fetch(
        "SELECT id, kind, name FROM ledger_accounts WHERE id IN :ids[text]", ids=sorted(set(ids))
    )
    return {row["id"]: account_label(row["kind"], row["name"]) for row in rows}


def _event_shape(row: Row) -> dict[str, Any]:
    return {"id": row["id"], "type": row["type"], "created_at": rfc3339(row["created_at"])}


_SENDER_KEYS = """
SELECT id, NULLIF(SUBSTR(COALESCE(spent_by, ''), 1, 20), '') AS key_id, key_name
FROM topups WHERE id IN :ids[text] AND account_id = :account_id AND environment = :environment
"""


async def find_named(tx: Transaction, tenant: Tenant, intent: str) -> TopUp | None:
    key = (*tenant, intent)
    topup_id = (await load_intents(tx, [key])).get(key)
    return None if topup_id is None else (await load(tx, [topup_id])).get(topup_id)
