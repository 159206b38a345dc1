"""Apply an operator's decision on a top-up, under the account's lock.

If operators or workers act at the same time, the second one gets the first one's outcome.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.fulfilment.manual import Task, TaskWorkingSet, tasks_of
from billing.manual_review.rules import NotNow, ReviewAct, ReviewedTopUp, refusal
from billing.topups import supplier_words
from billing.topups.fulfilment import ATTEMPTS_MAX, OnAttempts, Settle, attempts_of
from billing.topups.platform import Source
from billing.topups.plausible import NO_TERMS, DeliveryTerms
from billing.topups.settlement import EndedTopUp, awaits, waits_for
from billing.topups.supplier_words import DeliveredValues
from billing.topups.topup import Deliverable, TopUp, move
from billing.topups.working_set import topups_of
from kernel.errors import InvalidInput
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction

REASON_CHARACTERS_MAX = 200


def check_reason(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= REASON_CHARACTERS_MAX:
        raise InvalidInput(
            f"Give a reason of at most {REASON_CHARACTERS_MAX} characters.", param="reason"
        )


@dataclass(frozen=True, slots=True)
class Person:
    actor: Actor
    name: str


@dataclass(frozen=True, slots=True)
class ReviewCommand(OnAttempts):
    """Apply one decision, or raise an error that says why it can't be applied."""

    by: Person
    reason: str | None = None
    is_checked: bool = False
    can_be_asked: bool = True

    act: ClassVar[ReviewAct]

    def declare(self, read_set: ReadSet) -> None:
        OnAttempts.declare(self, read_set)
        read_set.working_set(TaskWorkingSet).topup_ids.add(self.topup_id)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> EndedTopUp:
        topup = self._topup(state)
        seen = self._seen(state, topup)
        self._check(state, seen)
        self._do(state, seen)
        after = self._seen(state, self._topup(state))
        if _shape(after) != _shape(seen) or self.act == "retry":
            self._record(state, seen, after)
        return self._ended(state, after.topup)

    @abstractmethod
    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None: ...

    def _seen(self, state: BatchState, topup: TopUp) -> ReviewedTopUp:
        attempts = attempts_of(state).of(topup.id)
        task = tasks_of(state).find(topup.id)
        return ReviewedTopUp(topup, list(attempts), task, state.now_us, self.can_be_asked)

    def _check(self, state: BatchState, seen: ReviewedTopUp) -> None:
        topup = seen.topup
        if topup.status != "pending":
            move(topup, "failed", now_us=state.now_us)
        asked = waits_for(state, topup)
        if asked is not None:
            raise awaits(state, topup, asked)
        if self.act not in seen.acts(self.by.name):
            raise refusal(seen, self.act)
        if seen.must_check(self.act) and not self.is_checked:
            raise InvalidInput(
                f"The outcome at {topup.supplier} is unknown. Check there first, then confirm that you checked"
                " (--checked on the command line).",
                param="checked",
            )
        if seen.needs_reason(self.act, self.by.name) and not (self.reason or "").strip():
            raise InvalidInput("Give a reason. Other operators can read it later.", param="reason")

    def _record(self, state: BatchState, before: ReviewedTopUp, after: ReviewedTopUp) -> None:
        entry = audit_log.entry(
            self.by.actor,
            f"topup.{self.act}",
            environment=before.topup.environment,
            account_id=before.topup.account_id,
            subject_id=before.topup.id,
            before=_shape(before),
            after={**_shape(after), "by": self.by.name, "checked": self.is_checked},
            reason=self.reason,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)

    def _end_task(self, state: BatchState, seen: ReviewedTopUp, outcome: str) -> None:
        task = seen.open_task
        if task is None:
            return
        ended = replace(
            task,
            outcome=outcome,
            reason=self.reason,
            decided_by=self.by.name,
            decided_at=state.now_us,
        )
        tasks_of(state).change(ended)


@dataclass(frozen=True, slots=True)
class TakeTask(ReviewCommand):
    act: ClassVar[ReviewAct] = "take"

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        task = _task_of(seen)
        if task.taken_by is None:
            taken = replace(task, taken_by=self.by.name, taken_at=state.now_us)
            tasks_of(state).change(taken)


@dataclass(frozen=True, slots=True)
class GiveBackTask(ReviewCommand):
    """Release a task, even if another operator has taken it."""

    act: ClassVar[ReviewAct] = "give_back"

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        tasks_of(state).change(replace(_task_of(seen), taken_by=None, taken_at=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleByHand(ReviewCommand):
    act: ClassVar[ReviewAct] = "settle"
    given: Deliverable
    terms: DeliveryTerms = NO_TERMS

    def declare(self, read_set: ReadSet) -> None:
        ReviewCommand.declare(self, read_set)
        if not self.terms.is_shared:
            read_set.working_set(DeliveredValues).want(self.topup_id, self.tenant, self.given)

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        # Settle before ending the task, because settling may refuse the value.
        Settle(self.topup_id, self.tenant, "delivered", given=self.given, terms=self.terms).decide(
            state
        )
        self._end_task(state, seen, "delivered")


@dataclass(frozen=True, slots=True)
class FailByHand(ReviewCommand):
    act: ClassVar[ReviewAct] = "fail"

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        self._end_task(state, seen, "refused")
        Settle(self.topup_id, self.tenant, "failed", reason=self.reason).decide(state)


@dataclass(frozen=True, slots=True)
class RefuseTask(ReviewCommand):
    act: ClassVar[ReviewAct] = "refuse"

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        supplier = seen.topup.supplier
        self._end_task(state, seen, "refused")
        Settle(self.topup_id, self.tenant, "failed", reason=self.reason, by=supplier).decide(state)


@dataclass(frozen=True, slots=True)
class RetrySupplier(ReviewCommand):
    act: ClassVar[ReviewAct] = "retry"

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        topups_of(state).change(replace(seen.topup, next_check_at=state.now_us))


@dataclass(frozen=True, slots=True)
class DeclareNotDone(ReviewCommand):
    """Record that the supplier did nothing. No supplier is called until an operator chooses one."""

    act: ClassVar[ReviewAct] = "not_done"

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        attempt = seen.open_attempt
        assert attempt is not None, "its outcome is open"
        attempts_of(state).change(
            attempt.noted("dropped", now_us=state.now_us, detail=f"not done: {self.reason}")
        )
        topups_of(state).change(_held_from_workers(seen.topup, next_check_at=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSupplier(ReviewCommand):
    act: ClassVar[ReviewAct] = "switch"
    to: str

    def _do(self, state: BatchState, seen: ReviewedTopUp) -> None:
        to = self._source(state, seen)
        attempt = seen.open_attempt
        self._end_task(state, seen, "refused")
        if attempt is not None:
            refused = attempt.noted("refused", now_us=state.now_us, detail=self.reason)
            attempts_of(state).change(refused)
        switched = _held_from_workers(seen.topup, next_check_at=state.now_us)
        topups_of(state).change(replace(switched, supplier=to.id, fulfilment=to.kind))

    def _source(self, state: BatchState, seen: ReviewedTopUp) -> Source:
        topup = seen.topup
        others = others_of(state, topup)
        found = next((one for one in others if one.id == self.to), None)
        if found is None:
            names = ", ".join(one.id for one in others)
            raise InvalidInput(
                f"{topup.platform} has these other active suppliers: {names}."
                if names
                else f"{topup.platform} has no other active supplier.",
                param="to",
            )
        if len(seen.attempts) >= ATTEMPTS_MAX:
            raise InvalidInput(
                f"The top-up has had {ATTEMPTS_MAX} attempts, the maximum. Settle it as "
                "delivered, or fail it and let the sender try again.",
                param="to",
            )
        return found


def others_of(state: BatchState, topup: TopUp) -> list[Source]:
    platforms = topups_of(state).rules.platforms.of(topup.environment)
    return [one for one in platforms.suppliers_of(topup.platform) if one.id != topup.supplier]


def _held_from_workers(topup: TopUp, *, next_check_at: int | None) -> TopUp:
    """Increase `checks_made`, so that a worker that is calling the supplier now can't record its outcome."""
    return replace(topup, next_check_at=next_check_at, checks_made=topup.checks_made + 1)


def _task_of(seen: ReviewedTopUp) -> Task:
    task = seen.open_task
    assert task is not None, "acts on tasks fit tasks alone"
    return task


def _shape(seen: ReviewedTopUp) -> dict[str, Any]:
    topup, task = seen.topup, seen.open_task
    return {
        "status": topup.status,
        "state": seen.state,
        "supplier": topup.supplier,
        "outcome": seen.attempts[-1].outcome if seen.attempts else None,
        "taken_by": None if task is None else task.taken_by,
        "kind": None if topup.given is None else topup.given.kind,
    }


async def see_words(
    tx: Transaction, environment: str, topup_id: str, *, reason: str, by: Person, now_us: int
) -> int:
    check_reason(reason)
    seen = await supplier_words.note_seen(tx, topup_id, environment, by=by.name, now_us=now_us)
    if not seen:
        raise NotNow("No supplier response about this top-up is waiting for an operator.")
    entry = audit_log.entry(
        by.actor,
        "topup.words_seen",
        environment=environment,
        subject_id=topup_id,
        before={"unseen": seen},
        after={"unseen": 0, "by": by.name},
        reason=reason,
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])
    return seen
