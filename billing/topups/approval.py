"""Approvals: a send above its key's threshold waits for a person. Writes approvals.

States: pending -> approved | denied | expired (after 24 h, by the account's own clock). The funds are
held meanwhile. Invariants: who approved or denied is named, nobody is where the time ran out; after
its end an approval can only expire, whether it was swept by then or not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kernel.clock import DAY_US
from kernel.errors import DomainError
from kernel.tenant import Tenant
from store.database import Row, Transaction
from webhooks.events import schemas

ApprovalDecision = Literal["approved", "denied", "expired"]
WAITS_US = DAY_US


class ApprovalDecided(DomainError):
    """Somebody decided before, or the time ran out."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One row of approvals; requested_by is a key's id, decided_by a credential's id.

    expires_at is by the tenant's own clock.
    """

    id: str
    account_id: str
    environment: str
    transaction_id: str
    requested_by: str | None
    status: Literal["pending", "approved", "denied", "expired"]
    created_at: int
    expires_at: int
    decided_by: str | None = None
    decided_at: int | None = None

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    def shape(self) -> schemas.Approval:
        """As the API shows it and its events carry it."""
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
    """The decided approval; raises ApprovalDecided when it is no longer pending, or past its end.

    topup_status: of the top-up that waits for it, which a refusal tells. account_now_us: the
    tenant's own time, which the end is measured by.
    """
    assert (by is None) == (decision == "expired"), "a decision has a decider, an end has none"
    status: str = asked.status
    is_over = asked.status == "pending" and asked.expires_at <= account_now_us
    if is_over and decision != "expired":
        status = "expired"
    if status != "pending":
        raise ApprovalDecided(
            "the approval has expired" if is_over else f"the approval was {status} before",
            extra={
                "transaction_id": asked.transaction_id,
                "status": topup_status,
                "approval_status": status,
            },
        )
    return replace(asked, status=decision, decided_by=by, decided_at=now_us)


async def load_for_topups(tx: Transaction, topup_ids: Iterable[str]) -> dict[str, Approval]:
    """Approvals by the id of their top-up."""
    rows = await tx.fetch(
        f"SELECT {_LISTED} FROM approvals WHERE transaction_id IN :ids[text]",
        ids=sorted(set(topup_ids)),
    )
    return {row["transaction_id"]: from_row(row) for row in rows}


async def find(tx: Transaction, approval_id: str) -> Approval | None:
    row = await tx.fetch_one(f"SELECT {_LISTED} FROM approvals WHERE id = :id", id=approval_id)
    return None if row is None else from_row(row)


async def page(
    tx: Transaction, tenant: Tenant, *, status: str | None, before_id: str | None, limit: int
) -> list[Approval]:
    """At most `limit` approvals, newest first, older than before_id."""
    values = {"status": status, "before_id": before_id}
    given = {name: value for name, value in values.items() if value is not None}
    clauses = {"status": " AND status = :status", "before_id": " AND id < :before_id"}
    rows = await tx.fetch(
        f"""SELECT {_LISTED} FROM approvals
            WHERE account_id = :account_id AND environment = :environment
            {"".join(clauses[name] for name in given)}
            ORDER BY id DESC LIMIT :limit""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        limit=limit,
        **given,
    )
    return [from_row(row) for row in rows]


async def expired(
    tx: Transaction, *, now_us: int, limit: int, but_ids: Sequence[str] = ()
) -> list[Approval]:
    """Pending approvals whose time ran out, by their tenants' own clocks; but for the named."""
    of_approval = ", ".join(f"a.{name}" for name in COLUMNS)
    plain, ahead = (
        ("AND NOT id IN :but_ids[text]", "AND NOT a.id IN :but_ids[text]") if but_ids else ("", "")
    )
    rows = await tx.fetch(
        f"""SELECT * FROM (
                SELECT {_LISTED} FROM approvals
                WHERE status = 'pending' AND expires_at <= :now {plain}
                ORDER BY expires_at LIMIT :limit) AS plain
            UNION
            SELECT {of_approval}
            FROM account_environments e
            CROSS JOIN approvals a
            WHERE e.clock_ahead_us > 0
              AND a.account_id = e.account_id AND a.environment = e.environment
              AND a.status = 'pending' AND a.expires_at <= :now + e.clock_ahead_us {ahead}
            ORDER BY expires_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_ids=but_ids,
    )
    return [from_row(row) for row in rows]


async def insert(tx: Transaction, approvals: Sequence[Approval]) -> None:
    await tx.insert_deferred("approvals", COLUMNS, [_row(one) for one in approvals])


async def update(tx: Transaction, approvals: Sequence[Approval]) -> None:
    if not approvals:
        return
    changed = await tx.execute(
        """UPDATE approvals SET status = v.status, decided_by = v.decided_by,
               decided_at = v.decided_at
           FROM :rows[id text, status text, decided_by text, decided_at bigint] AS v
           WHERE approvals.id = v.id AND approvals.status = 'pending'""",
        rows=sorted((one.id, one.status, one.decided_by, one.decided_at) for one in approvals),
    )
    assert changed == len(approvals), "a pending approval vanished under the lock"


def from_row(row: Row) -> Approval:
    return Approval(**{name: row[name] for name in COLUMNS})


COLUMNS = (
    "id",
    "account_id",
    "environment",
    "transaction_id",
    "requested_by",
    "status",
    "decided_by",
    "created_at",
    "expires_at",
    "decided_at",
)
_LISTED = ", ".join(COLUMNS)


def _row(one: Approval) -> tuple[object, ...]:
    return tuple(getattr(one, name) for name in COLUMNS)
