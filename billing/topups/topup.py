"""A top-up: prepaid credit sent from an account's wallet to a recipient's wallet of a platform.

States: a send makes it delivered, failed (and refunded) or pending; pending ends once, in delivered,
failed or cancelled. `move` is the one function that changes the state. Writes topups; the caller
holds the account's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from kernel.errors import DomainError
from kernel.tenant import Tenant
from store.database import BatchRead, Row, Rows, Transaction

# What a pending top-up that somebody should look at leaves behind a commit.
HINT: Final = "fulfilment"
Status = Literal["pending", "delivered", "failed", "cancelled"]

# From a state to the states it may move to; docs/states.md has the diagram.
MOVES: Mapping[Status, frozenset[Status]] = {
    "pending": frozenset({"delivered", "failed", "cancelled"}),
    "delivered": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}


class AlreadyDelivered(DomainError):
    """A delivered top-up, or one handed over to its fulfilment, cannot be cancelled."""


class AlreadyEnded(DomainError):
    """The top-up failed or was cancelled before."""


class DuplicateReference(DomainError):
    """The reference was used before, by any key, whatever became of it."""


class TopUp(msgspec.Struct, frozen=True, gc=False):
    """One row of topups; amounts in cents, times in microseconds.

    A struct, like every value of the hot path: a frozen dataclass of this size takes ten times as
    long to make.
    """

    id: str
    account_id: str
    environment: str
    spent_by: tuple[str, ...]  # the key and its ancestors; empty without a key
    status: Status
    platform: str
    amount_cents: int
    recipient_email: str
    created_at: int
    fulfilment: str
    reference: str | None = None
    metadata: Mapping[str, str] = {}
    note: str | None = None
    failure_reason: str | None = None
    new_balance_cents: int | None = None
    voucher_code_hint: str | None = None  # once delivered; the code itself is never stored
    fulfilment_code: str | None = None  # handed over in the voucher's place; sealed
    handed_over_at: int | None = None
    next_check_at: int | None = None
    checks_made: int = 0
    settled_at: int | None = None

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def recipient_name(self) -> str:
        """The name of the recipient's ledger account."""
        return f"{self.platform}/{self.recipient_email}"

    @property
    def key_id(self) -> str | None:
        """The key that sent it; null where no key did."""
        return self.spent_by[0] if self.spent_by else None

    def event_data(self) -> dict[str, Any]:
        """The top-up as its events carry it, with room for the code at voucher_code."""
        data = {
            "transaction_id": self.id,
            "status": self.status,
            "platform": self.platform,
            "amount_cents": self.amount_cents,
            "recipient_email": self.recipient_email,
            "voucher_code": None,
            "voucher_code_hint": self.voucher_code_hint,
            "new_balance_cents": self.new_balance_cents,
            "reference": self.reference,
            "metadata": dict(self.metadata),
        }
        if self.failure_reason is not None:
            data["failure_reason"] = self.failure_reason
        return data


class Due(NamedTuple):
    """What a sweep needs of a top-up: nothing that takes reading, so that no row stops the others."""

    id: str
    tenant: Tenant
    platform: str
    fulfilment: str
    checks_made: int


def move(topup: TopUp, status: Status, *, now_us: int, **changes: Any) -> TopUp:
    """The top-up in its final state; raises AlreadyDelivered or AlreadyEnded for an ended one."""
    if status not in MOVES[topup.status]:
        facts = {"transaction_id": topup.id, "status": topup.status}
        if topup.status == "delivered":
            raise AlreadyDelivered("the top-up was delivered", extra=facts)
        raise AlreadyEnded(f"the top-up was {topup.status} before", extra=facts)
    return replace(topup, status=status, settled_at=now_us, next_check_at=None, **changes)


async def load(tx: Transaction, ids: Iterable[str]) -> dict[str, TopUp]:
    """The top-ups of these ids, whoever owns them; the caller compares the tenant."""
    rows = await tx.fetch(
        f"SELECT {_LISTED} FROM topups WHERE id IN :ids[text]", ids=sorted(set(ids))
    )
    return {row["id"]: from_row(row) for row in rows}


def references_reading(
    references: Iterable[tuple[str, str, str]],
    into: dict[tuple[str, str, str], tuple[str, Status]],
) -> BatchRead:
    """(account, environment, reference) -> (id, status) of the top-ups that have them."""
    wanted = sorted(set(references))

    def take(rows: Rows) -> None:
        for row in rows:
            into[row[0], row[1], row[2]] = (row[3], row[4])

    return BatchRead(_REFERENCES if wanted else "", take, pairs=wanted)


async def due(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    but_ids: Sequence[str] = (),
    but_platforms: Sequence[str] = (),
) -> list[Due]:
    """Pending top-ups that the worker should look at, the longest due first; but for the named."""
    rows = await tx.fetch(
        f"""SELECT id, account_id, environment, platform, fulfilment, checks_made FROM topups
            WHERE status = 'pending' AND next_check_at IS NOT NULL AND next_check_at <= :now
            {_but(but_ids, but_platforms)}
            ORDER BY next_check_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_ids=but_ids,
        but_platforms=but_platforms,
    )
    return [
        Due(row["id"], Tenant(row["account_id"], row["environment"]), *(row[i] for i in (3, 4, 5)))
        for row in rows
    ]


async def next_due_at(
    tx: Transaction, *, but_ids: Sequence[str] = (), but_platforms: Sequence[str] = ()
) -> int | None:
    """When the next pending top-up but for the named is to be looked at, or None."""
    row = await tx.fetch_one(
        f"""SELECT next_check_at FROM topups
            WHERE status = 'pending' AND next_check_at IS NOT NULL
            {_but(but_ids, but_platforms)}
            ORDER BY next_check_at LIMIT 1""",
        but_ids=but_ids,
        but_platforms=but_platforms,
    )
    return None if row is None else int(row["next_check_at"])


def _but(ids: Sequence[str], platforms: Sequence[str]) -> str:
    without_ids = "AND NOT id IN :but_ids[text]" if ids else ""
    without_platforms = "AND NOT platform IN :but_platforms[text]" if platforms else ""
    return f"{without_ids} {without_platforms}"


async def insert(tx: Transaction, topups: Sequence[TopUp]) -> None:
    await tx.insert_deferred("topups", COLUMNS, [_row(topup) for topup in topups])


async def update(tx: Transaction, topups: Sequence[TopUp]) -> None:
    """Writes what a move or a check changed; rows that exist."""
    if not topups:
        return
    changed = await tx.execute(
        """UPDATE topups SET status = v.status, failure_reason = v.failure_reason,
               new_balance_cents = v.new_balance_cents,
               voucher_code_hint = v.voucher_code_hint,
               fulfilment_code = v.fulfilment_code, fulfilment = v.fulfilment,
               handed_over_at = v.handed_over_at, next_check_at = v.next_check_at,
               checks_made = v.checks_made, settled_at = v.settled_at
           FROM :rows[id text, status text, failure_reason text, new_balance_cents bigint,
                      voucher_code_hint text, fulfilment_code text, fulfilment text,
                      handed_over_at bigint, next_check_at bigint, checks_made bigint,
                      settled_at bigint] AS v
           WHERE topups.id = v.id AND topups.status = 'pending'""",
        rows=[
            (
                topup.id,
                topup.status,
                topup.failure_reason,
                topup.new_balance_cents,
                topup.voucher_code_hint,
                topup.fulfilment_code,
                topup.fulfilment,
                topup.handed_over_at,
                topup.next_check_at,
                topup.checks_made,
                topup.settled_at,
            )
            for topup in sorted(topups, key=lambda topup: topup.id)
        ],
    )
    assert changed == len(topups), "a pending top-up vanished under the lock"


def from_row(row: Row) -> TopUp:
    spent_by = row["spent_by"]
    return TopUp(
        id=row["id"],
        account_id=row["account_id"],
        environment=row["environment"],
        spent_by=tuple(spent_by.split()) if spent_by else (),
        status=row["status"],
        platform=row["platform"],
        amount_cents=row["amount_cents"],
        recipient_email=row["recipient_email"],
        created_at=row["created_at"],
        fulfilment=row["fulfilment"],
        reference=row["reference"],
        metadata=msgspec.json.decode(row["metadata"]),
        note=row["note"],
        failure_reason=row["failure_reason"],
        new_balance_cents=row["new_balance_cents"],
        voucher_code_hint=row["voucher_code_hint"],
        fulfilment_code=row["fulfilment_code"],
        handed_over_at=row["handed_over_at"],
        next_check_at=row["next_check_at"],
        checks_made=row["checks_made"],
        settled_at=row["settled_at"],
    )


COLUMNS = (
    "id",
    "account_id",
    "environment",
    "spent_by",
    "status",
    "platform",
    "amount_cents",
    "recipient_email",
    "reference",
    "metadata",
    "note",
    "failure_reason",
    "new_balance_cents",
    "voucher_code_hint",
    "fulfilment",
    "fulfilment_code",
    "handed_over_at",
    "next_check_at",
    "checks_made",
    "created_at",
    "settled_at",
)
_REFERENCES = """
SELECT t.account_id, t.environment, t.reference, t.id, t.status
FROM :pairs[account_id text, environment text, reference text] AS v
CROSS JOIN topups t
WHERE t.account_id = v.account_id AND t.environment = v.environment AND t.reference = v.reference
"""
_LISTED = ", ".join(COLUMNS)


def _row(topup: TopUp) -> tuple[object, ...]:
    return (
        topup.id,
        topup.account_id,
        topup.environment,
        " ".join(topup.spent_by) or None,
        topup.status,
        topup.platform,
        topup.amount_cents,
        topup.recipient_email,
        topup.reference,
        msgspec.json.encode(topup.metadata).decode() if topup.metadata else "{}",
        topup.note,
        topup.failure_reason,
        topup.new_balance_cents,
        topup.voucher_code_hint,
        topup.fulfilment,
        topup.fulfilment_code,
        topup.handed_over_at,
        topup.next_check_at,
        topup.checks_made,
        topup.created_at,
        topup.settled_at,
    )
