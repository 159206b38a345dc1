"""Fulfil by hand: a top-up waits as a task until an operator delivers or refuses it."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.fulfilment.protocol import (
    Options,
    Outcome,
    Registration,
    Request,
    Supplier,
    Tools,
    Unknown,
    Waiting,
)
from billing.topups.fulfilment import lock_turn
from billing.topups.plausible import SupplierTerms
from billing.topups.topup import Deliverable
from kernel.clock import SECOND_US
from kernel.errors import NotFound
from store.database import Transaction
from store.row_mapping import RowMapping


class Task(msgspec.Struct, frozen=True, kw_only=True):
    transaction_id: str
    account_id: str
    environment: str
    supplier: str
    created_at: int
    due_at: int
    taken_by: str | None = None
    taken_at: int | None = None
    outcome: str | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: int | None = None

    @property
    def is_open(self) -> bool:
        return self.outcome is None


class TaskWorkingSet(WorkingSet):
    rank = 12

    def __init__(self) -> None:
        self.topup_ids: set[str] = set()
        self._tasks: dict[str, Task] = {}
        self._changed: dict[str, Task] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        self._tasks.update(await load_tasks(tx, sorted(self.topup_ids)))

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if not self._changed:
            return
        rows = [_CHANGED.write(one) for _, one in sorted(self._changed.items())]
        changed = await tx.execute(_UPDATE, rows=rows)
        assert changed == len(rows), "an open task vanished under the lock"

    def find(self, topup_id: str) -> Task | None:
        return self._tasks.get(topup_id)

    def change(self, task: Task) -> None:
        self.changes += 1
        self._tasks[task.transaction_id] = self._changed[task.transaction_id] = task


def tasks_of(state: BatchState) -> TaskWorkingSet:
    return state.working_set(TaskWorkingSet)


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
    """Create or reopen the top-up's task, and return it. The caller holds the supplier call's lock."""
    new = Task(
        transaction_id=transaction_id,
        account_id=account_id,
        environment=environment,
        supplier=supplier,
        created_at=now_us,
        due_at=due_at,
    )
    await tx.insert(
        "manual_tasks",
        _ROWS.columns,
        [_ROWS.write(new)],
        on_conflict=_BEGUN_ANEW,
    )
    return await get_task(tx, transaction_id)


async def get_task(tx: Transaction, transaction_id: str) -> Task:
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM manual_tasks WHERE transaction_id = :id", id=transaction_id
    )
    if row is None:
        raise NotFound("Task", param="transaction_id")
    return _ROWS.read(row)


async def load_tasks(tx: Transaction, topup_ids: Sequence[str]) -> Mapping[str, Task]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM manual_tasks WHERE transaction_id IN :ids[text]",
        ids=sorted(topup_ids),
    )
    return {row["transaction_id"]: _ROWS.read(row) for row in rows}


_ROWS = RowMapping(Task)
_CHANGING = ("taken_by", "taken_at", "outcome", "reason", "decided_by", "decided_at")
_CHANGED = _ROWS.part("transaction_id", *_CHANGING)
_UPDATE = f"""
UPDATE manual_tasks SET {_ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE manual_tasks.transaction_id = v.transaction_id AND manual_tasks.outcome IS NULL
"""
_BEGUN_ANEW = """
ON CONFLICT (transaction_id) DO UPDATE SET supplier = excluded.supplier,
    created_at = excluded.created_at, due_at = excluded.due_at, taken_by = NULL, taken_at = NULL,
    outcome = NULL, reason = NULL, decided_by = NULL, decided_at = NULL
WHERE manual_tasks.outcome IS NOT NULL
"""


MINUTE_US = 60 * SECOND_US
# Seconds until the supplier is called again. That call recreates the task if it was lost.
AGAIN_S = 300.0


class ManualOptions(Options, frozen=True, kw_only=True):
    due_minutes: Annotated[int, msgspec.Meta(ge=1, le=43_200)] = 240
    shared_codes: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Manual(Supplier):
    def __init__(self, options: ManualOptions, tools: Tools) -> None:
        self._options = options
        self._tools = tools

    async def fulfil(self, request: Request) -> Outcome:
        tools = self._tools
        now_us = tools.clock.now_us()

        async def work(tx: Transaction) -> bool:
            if not await lock_turn(tx, request.transaction_id, tools.supplier_id, request.attempt):
                return False
            await open_task(
                tx,
                request.transaction_id,
                account_id=request.account_id,
                environment=tools.environment,
                supplier=tools.supplier_id,
                due_at=now_us + self._options.due_minutes * MINUTE_US,
                now_us=now_us,
            )
            return True

        if not await tools.database.transaction(work):
            return Unknown("asked again meanwhile")
        return Waiting(again_in_s=AGAIN_S)


def _make(options: ManualOptions, tools: Tools) -> Manual:
    return Manual(options, tools)


SUPPLIER = Registration(
    name="manual",
    text="An operator, who delivers each top-up by hand.",
    options=ManualOptions,
    make=_make,
    sample=lambda _request: Deliverable("note", "Sandbox: an operator would write something here."),
    asked_again="repeat",
    terms=lambda options: SupplierTerms(options.shared_codes),
)
