"""Scheduled top-ups: found at their time, checked again, and released.

scheduled -> delivered | pending | failed | cancelled. Funds are held and caps counted on
acceptance. If the sender left, the top-up waits for a decision, unless one was already made. A
release happens once, under the tenant's lock, never before its time by the tenant's own clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet
from billing.topups.give_back import BY_APPROVAL
from billing.topups.send import BY_SANDBOX, ask, fail, first_check_at, publish, sandbox_script
from billing.topups.settlement import EndedTopUp, OnTopUp, check_again, go_on
from billing.topups.topup import TopUp, move
from billing.topups.working_set import topups_of
from kernel.errors import DomainError
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import WORDS_OR_NULL

# Takes a supplier's place until the whole batch is accepted.
BY_BATCH = "batch"


class DueSend(NamedTuple):
    id: str
    tenant: Tenant
    spent_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release(OnTopUp):
    """Release a scheduled top-up as a send just made, or refund it if something refuses it now. Does nothing
    if the top-up isn't scheduled any more, or isn't due.
    """

    spent_by: tuple[str, ...]

    def declare(self, read_set: ReadSet) -> None:
        OnTopUp.declare(self, read_set)
        read_set.key_ids.update(self.spent_by)

    def decide(self, state: BatchState) -> EndedTopUp:
        topup = self._topup(state)
        if _is_due(state, topup):
            topup = release(state, topup)
        return self._ended(state, topup)


def release(state: BatchState, topup: TopUp) -> TopUp:
    try:
        source = check_again(state, topup)
    except DomainError as refusal:
        return fail(state, topup, f"refused at its time: {refusal.detail}")
    topups = topups_of(state)
    if topups.has_left(topup.account_id, topup.sent_by) and topups.approval_of(topup.id) is None:
        return _wait_for_person(state, topup)
    scripted = sandbox_script(topup.tenant, topup.recipient_email)
    if scripted == "failed":
        return fail(state, topup, "sandbox: this recipient always fails")
    if scripted in {"pending", "delayed"}:
        return _wait_for_script(state, topup)
    return go_on(state, topup, source)


def _is_due(state: BatchState, topup: TopUp) -> bool:
    return (
        topup.status == "scheduled"
        and topup.fulfilment != BY_BATCH
        and topup.scheduled_for is not None
        and topup.scheduled_for <= state.now_of(topup.tenant)
    )


def _wait_for_person(state: BatchState, topup: TopUp) -> TopUp:
    waiting = move(replace(topup, fulfilment=BY_APPROVAL), "pending", now_us=state.now_us)
    topups_of(state).change(waiting)
    publish(state, waiting)
    ask(state, waiting)
    return waiting


def _wait_for_script(state: BatchState, topup: TopUp) -> TopUp:
    scripted = replace(topup, fulfilment=BY_SANDBOX)
    waiting = move(
        scripted,
        "pending",
        now_us=state.now_us,
        next_check_at=first_check_at(scripted, state.now_us),
    )
    topups_of(state).change(waiting)
    publish(state, waiting)
    return waiting


async def due(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> list[DueSend]:
    rows = await tx.fetch(_DUE, now=now_us, limit=limit, exclude_ids=exclude_ids)
    return [DueSend(row[0], Tenant(row[1], row[2]), WORDS_OR_NULL.read(row[3])) for row in rows]


async def next_due_at(tx: Transaction, *, exclude_ids: Sequence[str] = ()) -> int | None:
    row = await tx.fetch_one(_NEXT_DUE_AT, exclude_ids=exclude_ids)
    return None if row is None or row["due_at"] is None else int(row["due_at"])


_DUE = f"""
SELECT d.id, d.account_id, d.environment, d.spent_by FROM (
    SELECT * FROM (
        SELECT id, account_id, environment, spent_by FROM topups
        WHERE status = 'scheduled' AND fulfilment <> '{BY_BATCH}' AND scheduled_for <= :now
          AND NOT id IN :exclude_ids[text]
        ORDER BY scheduled_for LIMIT :limit) AS plain
    UNION
    SELECT t.id, t.account_id, t.environment, t.spent_by
    FROM account_environments e
    CROSS JOIN topups t
    WHERE e.clock_ahead_us > 0
      AND t.account_id = e.account_id AND t.environment = e.environment
      AND t.status = 'scheduled' AND t.fulfilment <> '{BY_BATCH}'
      AND t.scheduled_for <= :now + e.clock_ahead_us
      AND NOT t.id IN :exclude_ids[text]
) AS d LIMIT :limit
"""
_NEXT_DUE_AT = f"""
SELECT MIN(d.due_at) AS due_at FROM (
    SELECT MIN(scheduled_for) AS due_at FROM topups
    WHERE status = 'scheduled' AND fulfilment <> '{BY_BATCH}' AND scheduled_for IS NOT NULL
      AND NOT id IN :exclude_ids[text]
    UNION ALL
    SELECT MIN(t.scheduled_for - e.clock_ahead_us)
    FROM account_environments e
    CROSS JOIN topups t
    WHERE e.clock_ahead_us > 0
      AND t.account_id = e.account_id AND t.environment = e.environment
      AND t.status = 'scheduled' AND t.fulfilment <> '{BY_BATCH}'
      AND NOT t.id IN :exclude_ids[text]) AS d
"""
