"""Reading top-ups: the history by keyset, and one top-up's whole story. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing.ledger.ledger import transfers_of
from billing.ledger.statement import transfer_shape
from billing.topups import topup as topups
from billing.topups.topup import TopUp
from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Filter:
    """What a page of top-ups is narrowed to; created_before is exclusive, times in microseconds."""

    status: str | None = None
    platform: str | None = None
    recipient_email: str | None = None
    reference: str | None = None
    created_after: int | None = None
    created_before: int | None = None


# Each filter's clause; the values are always parameters.
_CLAUSES: Mapping[str, str] = {
    "status": "status = :status",
    "platform": "platform = :platform",
    "recipient_email": "recipient_email = :recipient_email",
    "reference": "reference = :reference",
    "created_after": "created_at >= :created_after",
    "created_before": "created_at < :created_before",
}


async def page(
    tx: Transaction, tenant: Tenant, wanted: Filter, *, before_id: str | None, limit: int
) -> list[TopUp]:
    """At most `limit` top-ups, newest first, older than before_id."""
    values: dict[str, Any] = {
        name: getattr(wanted, name) for name in _CLAUSES if getattr(wanted, name) is not None
    }
    clauses = [_CLAUSES[name] for name in values]
    if before_id is not None:
        clauses.append("id < :before_id")
        values["before_id"] = before_id
    narrowed = "".join(f" AND {clause}" for clause in clauses)
    rows = await tx.fetch(
        f"""SELECT {", ".join(topups.COLUMNS)} FROM topups
            WHERE account_id = :account_id AND environment = :environment{narrowed}
            ORDER BY id DESC LIMIT :limit""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        limit=limit,
        **values,
    )
    return [topups.from_row(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Story:
    """A top-up with its ledger transfers and its events, in the API's shapes."""

    topup: TopUp
    transfers: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    approval_id: str | None


async def story(tx: Transaction, tenant: Tenant, topup_id: str) -> Story:
    """Raises NotFound, also for another account's or environment's top-up."""
    found = (await topups.load(tx, [topup_id])).get(topup_id)
    if found is None or found.tenant != tenant:
        raise NotFound("Transaction", param="transaction_id")
    moved = await transfers_of(tx, [topup_id])
    labels = await _labels(tx, [side for t in moved for side in (t.debit_id, t.credit_id)])
    events = await tx.fetch(
        """SELECT id, type, event_no, created_at FROM events
           WHERE transaction_id = :id ORDER BY event_no""",
        id=topup_id,
    )
    asked = await tx.fetch_one("SELECT id FROM approvals WHERE transaction_id = :id", id=topup_id)
    return Story(
        found,
        [
            transfer_shape(
                t.id, labels[t.debit_id], labels[t.credit_id], t.amount_micros, t.code, t.created_at
            )
            for t in moved
        ],
        [_event_shape(row) for row in events],
        None if asked is None else asked["id"],
    )


async def _labels(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    rows = await tx.fetch(
        "SELECT id, kind, name FROM ledger_accounts WHERE id IN :ids[text]", ids=sorted(set(ids))
    )
    return {
        row["id"]: f"{row['kind']}:{row['name']}" if row["name"] else row["kind"] for row in rows
    }


def _event_shape(row: Row) -> dict[str, Any]:
    return {"id": row["id"], "type": row["type"], "created_at": rfc3339(row["created_at"])}
