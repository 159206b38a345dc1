"""Top-ups that a person does by hand, each with a time by which it is due. Writes manual_tasks.

Invariants: a task is decided once, and what was decided is what the supplier `manual` says from then on;
what was handed over lies sealed. Whoever takes a task says so, so that two people do not do it twice.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from billing.topups.deliverable import Deliverable
from kernel.errors import DomainError, NotFound
from keys.vault import Vault
from store.database import Transaction
from store.row_mapping import RowMapping

PURPOSE: Final = "manual task"


class TaskTaken(DomainError):
    """Somebody else took the task, or it was decided before."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One row of manual_tasks; times in microseconds. outcome null: to be done."""

    transaction_id: str
    account_id: str
    environment: str
    supplier: str
    created_at: int
    due_at: int
    taken_by: str | None = None
    taken_at: int | None = None
    outcome: str | None = None
    sealed: bytes | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: int | None = None

    def delivered(self, vault: Vault) -> Deliverable:
        """What was handed over; raises SealBroken."""
        assert self.sealed is not None, "a delivered task says what"
        plain = vault.open(self.sealed, purpose=PURPOSE, subject=self.transaction_id)
        return msgspec.json.decode(plain, type=Deliverable)


async def open_task(
    tx: Transaction,
    transaction_id: str,
    *,
    account_id: str,
    environment: str,
    supplier: str,
    due_at: int,
    now_us: int,
) -> Task:
    """The top-up's task, made the first time."""
    new = Task(
        transaction_id=transaction_id,
        account_id=account_id,
        environment=environment,
        supplier=supplier,
        created_at=now_us,
        due_at=due_at,
    )
    await tx.insert(
        "manual_tasks", _ROWS.columns, [_ROWS.write(new)], on_conflict="ON CONFLICT DO NOTHING"
    )
    return await get_task(tx, transaction_id)


async def get_task(tx: Transaction, transaction_id: str) -> Task:
    """Raises NotFound."""
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM manual_tasks WHERE transaction_id = :id", id=transaction_id
    )
    if row is None:
        raise NotFound("Task", param="transaction_id")
    return _ROWS.read(row)


async def load_tasks(tx: Transaction, topup_ids: Sequence[str]) -> Mapping[str, Task]:
    """Those of these top-ups that have one, decided or not."""
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM manual_tasks WHERE transaction_id IN :ids[text]",
        ids=sorted(topup_ids),
    )
    return {row["transaction_id"]: _ROWS.read(row) for row in rows}


async def open_tasks(tx: Transaction, environment: str, *, limit: int) -> Sequence[Task]:
    """Those to be done, the earliest due first."""
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM manual_tasks
            WHERE environment = :environment AND outcome IS NULL
            ORDER BY due_at, transaction_id LIMIT :limit""",
        environment=environment,
        limit=limit,
    )
    return [_ROWS.read(row) for row in rows]


async def take_task(tx: Transaction, transaction_id: str, *, by: str, now_us: int) -> Task:
    """Marks it as being done by this person, who may take it again; raises NotFound and TaskTaken."""
    taken = await tx.execute(
        """UPDATE manual_tasks SET taken_by = :who, taken_at = :now
           WHERE transaction_id = :id AND outcome IS NULL AND (taken_by IS NULL OR taken_by = :who)""",
        who=by,
        now=now_us,
        id=transaction_id,
    )
    found = await get_task(tx, transaction_id)
    if taken == 0:
        who = found.decided_by if found.outcome else found.taken_by
        raise TaskTaken(f"the task is with {who}" if who else "the task was decided before")
    return found


async def decide_task(
    tx: Transaction,
    transaction_id: str,
    *,
    by: str,
    vault: Vault,
    given: Deliverable | None,
    reason: str | None,
    now_us: int,
) -> Task:
    """Delivered with what was given, or refused for a reason; raises NotFound and TaskTaken."""
    sealed = None
    if given is not None:
        sealed = vault.seal(msgspec.json.encode(given), purpose=PURPOSE, subject=transaction_id)
    decided = await tx.execute(
        """UPDATE manual_tasks SET outcome = :outcome, sealed = :sealed, reason = :reason,
               decided_by = :who, decided_at = :now
           WHERE transaction_id = :id AND outcome IS NULL AND (taken_by IS NULL OR taken_by = :who)""",
        outcome="refused" if given is None else "delivered",
        sealed=sealed,
        reason=reason,
        who=by,
        now=now_us,
        id=transaction_id,
    )
    found = await get_task(tx, transaction_id)
    if decided == 0:
        who = found.decided_by if found.outcome else found.taken_by
        raise TaskTaken(f"the task is with {who}" if who else "the task was decided before")
    return found


_ROWS = RowMapping(Task)
