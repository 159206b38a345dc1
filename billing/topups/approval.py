"""Hold a send for approval if it exceeds its key's threshold or its sender was removed.

An approval that has expired can't be decided, even before a worker marks it as expired.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from kernel.clock import DAY_US
from kernel.errors import DomainError
from kernel.tenant import Tenant
from keys import sandbox_clock
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping
from webhooks.events import schemas
from webhooks.events.schemas import ApprovalReason

ApprovalDecision = Literal["approved", "denied", "cancelled", "expired"]
WAITS_US: Final[Mapping[ApprovalReason, int]] = {"threshold": DAY_US, "sender_left": 3 * DAY_US}
BY_LINK: Final = "link"
WAITING_COUNTED_MAX: Final = 100


class ApprovalDecided(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval. `expires_at` is on the tenant's clock. `requested_by` is the ID of a key or of a removed colleague."""

    id: str
    account_id: str
    environment: str
    transaction_id: str
    requested_by: str | None
    status: Literal["pending", "approved", "denied", "cancelled", "expired"]
    created_at: int
    expires_at: int
    decided_by: str | None = None
    decided_at: int | None = None
    reason: ApprovalReason = "threshold"

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    def at(self, account_now_us: int) -> "Approval":
        is_over = self.status == "pending" and self.expires_at <= account_now_us
        return replace(self, status="expired") if is_over else self

    def shape(self) -> schemas.Approval:
        return schemas.Approval.of(self)


def decide(
    asked: Approval,
    decision: ApprovalDecision,
    *,
    by: str | None,
    topup_status: str,
    now_us: int,
    account_now_us: int,
) -> Approval:
    assert (by is None) == (decision == "expired"), "a decision has a decider, an end has none"
    status = asked.status if decision == "expired" else asked.at(account_now_us).status
    is_over = status != asked.status
    if status != "pending":
        raise ApprovalDecided(
            "The approval has expired." if is_over else f"The approval was already {status}.",
            extra={
                "transaction_id": asked.transaction_id,
                "status": topup_status,
                "approval_status": status,
            },
        )
    return replace(asked, status=decision, decided_by=by, decided_at=now_us)


async def load_for_topups(tx: Transaction, topup_ids: Iterable[str]) -> dict[str, Approval]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM approvals WHERE transaction_id IN :ids[text]",
        ids=sorted(set(topup_ids)),
    )
    return {row["transaction_id"]: _ROWS.read(row) for row in rows}


async def find(tx: Transaction, approval_id: str, *, now_us: int) -> Approval | None:
    row = await tx.fetch_one(f"SELECT {_ROWS.listed} FROM approvals WHERE id = :id", id=approval_id)
    if row is None:
        return None
    asked = _ROWS.read(row)
    return asked.at(await sandbox_clock.now_of(tx, asked.tenant, now_us=now_us))


async def find_each(tx: Transaction, approval_ids: Iterable[str]) -> Sequence[Approval]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM approvals WHERE id IN :ids[text] ORDER BY id",
        ids=sorted(set(approval_ids)),
    )
    return [_ROWS.read(row) for row in rows]


async def status_of(tx: Transaction, topup_id: str, *, now_us: int) -> tuple[str, str] | None:
    row = await tx.fetch_one(_STATUS, topup_id=topup_id, now_us=now_us)
    return None if row is None else (row["id"], row["status"])


async def page(
    tx: Transaction,
    tenant: Tenant,
    *,
    status: str | None,
    before_id: Begin,
    limit: int,
    now_us: int,
) -> list[Approval]:
    own_now_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us)
    is_by_time = status is not None and status in _BY_TIME
    wanted: dict[str, Any] = {str(status): own_now_us} if is_by_time else {"status": status}
    pages = _PENDING if status == "pending" else _PAGES
    rows = await pages.page(tx, tenant, before_id=before_id, limit=limit, **wanted)
    return [_ROWS.read(row).at(own_now_us) for row in rows]


async def count_waiting(tx: Transaction, tenant: Tenant, *, now_us: int) -> int:
    row = await tx.fetch_one(
        _WAITING,
        account_id=tenant.account_id,
        environment=tenant.environment,
        now_us=now_us,
        most=WAITING_COUNTED_MAX,
    )
    assert row is not None, "a count has one row"
    return int(row["number"])


async def expired(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> list[Approval]:
    rows = await tx.fetch(
        f"""SELECT * FROM (
                SELECT {_ROWS.listed} FROM approvals
                WHERE status = 'pending' AND expires_at <= :now
                  AND NOT id IN :exclude_ids[text]
                ORDER BY expires_at LIMIT :limit) AS plain
            UNION
            SELECT {_ROWS.of("a")}
            FROM account_environments e
            CROSS JOIN approvals a
            WHERE e.clock_ahead_us > 0
              AND a.account_id = e.account_id AND a.environment = e.environment
              AND a.status = 'pending' AND a.expires_at <= :now + e.clock_ahead_us
              AND NOT a.id IN :exclude_ids[text]
            ORDER BY expires_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
    )
    return [_ROWS.read(row) for row in rows]


async def untold_tenants(
    tx: Transaction, *, after: Tenant | None = None, limit: int
) -> Sequence[Tenant]:
    rows = await tx.fetch(
        """SELECT DISTINCT account_id, environment FROM approvals
           WHERE status = 'pending' AND notified_at IS NULL
             AND (account_id, environment) > (:account_id, :environment)
           ORDER BY account_id, environment LIMIT :limit""",
        account_id="" if after is None else after.account_id,
        environment="" if after is None else after.environment,
        limit=limit,
    )
    return [Tenant(row["account_id"], row["environment"]) for row in rows]


async def take_unnotified(
    tx: Transaction, tenant: Tenant, *, limit: int, now_us: int
) -> Mapping[str, ApprovalReason]:
    """Mark the tenant's approvals as reported and return them. Skip rows that another process has locked."""
    rows = await tx.fetch(
        """UPDATE approvals SET notified_at = :now_us WHERE id IN (
               SELECT id FROM approvals
               WHERE account_id = :account_id AND environment = :environment
                 AND status = 'pending' AND notified_at IS NULL
               ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
           RETURNING id, reason""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        now_us=now_us,
        limit=limit,
    )
    return dict(sorted((row["id"], row["reason"]) for row in rows))


async def insert(tx: Transaction, approvals: Sequence[Approval]) -> None:
    await tx.insert_deferred("approvals", _ROWS.columns, [_ROWS.write(one) for one in approvals])


async def update(tx: Transaction, approvals: Sequence[Approval]) -> None:
    rows = [_CHANGED.write(one) for one in sorted(approvals, key=lambda one: one.id)]
    changed = await tx.execute(_UPDATE, rows=rows)
    assert changed == len(approvals), "a pending approval vanished under the lock"


_ROWS = RowMapping(Approval)
_CHANGED = _ROWS.part("id", "status", "decided_by", "decided_at")
_BY_TIME: Final[Mapping[str, str]] = {
    "pending": "status = 'pending' AND expires_at > :pending",
    "expired": "(status = 'expired' OR status = 'pending' AND expires_at <= :expired)",
}
_OWN: Final = "account_id = :account_id AND environment = :environment"
_PAGES: Final = Keyset(
    _ROWS.listed, "approvals", _OWN, filters={"status": "status = :status", **_BY_TIME}
)
_PENDING: Final = Keyset(
    _ROWS.listed, "approvals", f"{_OWN} AND {_BY_TIME['pending']}", is_short=True
)
_STATUS = """
SELECT a.id, CASE WHEN a.status = 'pending' AND a.expires_at <= :now_us + e.clock_ahead_us
                  THEN 'expired' ELSE a.status END AS status
FROM approvals a
JOIN account_environments e ON e.account_id = a.account_id AND e.environment = a.environment
WHERE a.transaction_id = :topup_id
"""
_WAITING = """
SELECT COUNT(*) AS number FROM (
    SELECT a.id FROM approvals a
    WHERE a.account_id = :account_id AND a.environment = :environment AND a.status = 'pending'
      AND a.expires_at > :now_us + COALESCE((
          SELECT e.clock_ahead_us FROM account_environments e
          WHERE e.account_id = :account_id AND e.environment = :environment), 0)
    LIMIT :most) w
"""
_UPDATE = f"""
UPDATE approvals SET status = v.status, decided_by = v.decided_by, decided_at = v.decided_at
FROM :rows[{_CHANGED.typed}] AS v
WHERE approvals.id = v.id AND approvals.status = 'pending'
"""
