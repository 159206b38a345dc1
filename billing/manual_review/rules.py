"""Define what an operator can do with a top-up in each state.

While a supplier's outcome is unknown, no other supplier is called and no funds are returned. An operator can do both
after checking with the supplier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from billing.fulfilment.manual import Task
from billing.topups.fulfilment import ASKED_US, Attempt
from billing.topups.send import BY_SANDBOX
from billing.topups.topup import TopUp
from billing.topups.working_set import BY_APPROVAL
from kernel.clock import DAY_US
from kernel.errors import DomainError

OVERDUE_US: Final = DAY_US

ReviewState = Literal[
    "ended",
    "reversing",
    "approval",
    "sandbox",
    "queued",
    "held",
    "task",
    "requested",
    "waiting",
    "unknown",
    "needs_review",
]
ReviewAct = Literal["take", "give_back", "settle", "refuse", "fail", "retry", "not_done", "switch"]

MEANINGS: Final[Mapping[ReviewState, str]] = {
    "ended": "It has ended. Nothing is left to do.",
    "reversing": (
        "Its supplier is called to revoke the delivery. If you know the outcome, record it:"
        " `topup manual-review reverse` with --revoked or --no-revoked."
    ),
    "approval": "It waits for an approval. No supplier was called yet.",
    "sandbox": "The sandbox's script ends it. No supplier was called.",
    "queued": "A supplier is called next. Nothing was done yet.",
    "held": "No supplier is called until you choose one. Nothing was done.",
    "task": "An operator has to deliver it.",
    "requested": "Its supplier is being called now.",
    "waiting": "Its supplier accepted it, but hasn't delivered yet. It will be called again.",
    "unknown": "Its supplier gave no clear response. It will be called again.",
    "needs_review": "It isn't clear what its supplier did, and it isn't called again. Check there.",
}
ACTS: Final[Mapping[ReviewState, tuple[ReviewAct, ...]]] = {
    "ended": (),
    "reversing": (),
    "approval": (),
    "sandbox": (),
    "queued": ("retry", "switch", "settle", "fail"),
    "held": ("retry", "switch", "settle", "fail"),
    "task": ("take", "settle", "refuse", "switch", "fail", "give_back"),
    "requested": (),
    "waiting": ("retry", "settle", "not_done", "fail"),
    "unknown": ("retry", "settle", "not_done", "fail"),
    "needs_review": ("settle", "not_done", "retry", "fail"),
}
_NOT_WITH_SUPPLIERS: Final = frozenset[ReviewState]({"ended", "reversing", "approval", "sandbox"})
# In these states an operator must check with the supplier before settling or failing the top-up.
CHECKED_STATES: Final = frozenset[ReviewState]({"waiting", "unknown", "needs_review"})
WITHOUT_REASON: Final = frozenset[ReviewAct]({"take", "give_back", "retry"})
assert set(ACTS) == set(MEANINGS) == set(get_args(ReviewState))


class NotNow(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class ReviewedTopUp:
    """A top-up under review. `can_be_asked` means that calling the supplier again can reveal the outcome."""

    topup: TopUp
    attempts: Sequence[Attempt]
    task: Task | None
    now_us: int
    can_be_asked: bool = True

    @property
    def open_attempt(self) -> Attempt | None:
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.is_open else None

    @property
    def open_task(self) -> Task | None:
        task = self.task
        is_open = task is not None and task.is_open and task.supplier == self.topup.supplier
        return task if is_open and self.topup.status == "pending" else None

    @property
    def state(self) -> ReviewState:
        topup, attempt = self.topup, self.open_attempt
        if topup.status == "reversing":
            return "reversing"
        if topup.status != "pending":
            return "ended"
        if topup.fulfilment in {BY_APPROVAL, BY_SANDBOX}:
            return "approval" if topup.fulfilment == BY_APPROVAL else "sandbox"
        if self.open_task is not None:
            return "task"
        if attempt is None:
            return "held" if topup.needs_review else "queued"
        if attempt.outcome == "requested" and self.now_us - attempt.last_requested_at < ASKED_US:
            return "requested"
        if topup.needs_review:
            return "needs_review"
        return "waiting" if attempt.outcome == "waiting" else "unknown"

    @property
    def is_overdue(self) -> bool:
        if self.state in _NOT_WITH_SUPPLIERS:
            return False
        due_at = self.topup.created_at + OVERDUE_US
        if self.open_task is not None:
            due_at = min(due_at, self.open_task.due_at)
        return self.now_us >= due_at

    def acts(self, who: str) -> tuple[ReviewAct, ...]:
        """Return what this operator can do. A task that another operator has taken can only be given back."""
        state, task = self.state, self.open_task
        if state == "needs_review" and not self.can_be_asked:
            return tuple(act for act in ACTS[state] if act != "retry")
        if task is None or state != "task":
            return ACTS[state]
        if task.taken_by is None:
            return tuple(act for act in ACTS[state] if act != "give_back")
        if task.taken_by == who:
            return tuple(act for act in ACTS[state] if act != "take")
        return ("give_back",)

    def must_check(self, act: ReviewAct) -> bool:
        return act in {"settle", "fail"} and self.state in CHECKED_STATES

    def needs_reason(self, act: ReviewAct, who: str) -> bool:
        if act == "settle":
            return self.state != "task"
        taken_by = None if self.open_task is None else self.open_task.taken_by
        return act not in WITHOUT_REASON or (act == "give_back" and taken_by != who)


def refusal(seen: ReviewedTopUp, act: ReviewAct) -> NotNow:
    state, supplier = seen.state, seen.topup.supplier or "its supplier"
    if state in _NOT_WITH_SUPPLIERS:
        return NotNow(MEANINGS[state])
    if state == "requested":
        return NotNow(f"{supplier} is being called now. Try again in two minutes.")
    if state == "task":
        task = seen.open_task
        if task is not None and task.taken_by is not None and act in ACTS[state]:
            return NotNow(f"{task.taken_by} has taken the task and must give it back first.")
        return NotNow(
            f"The top-up is a manual task for {supplier}. Settle it, refuse it, or switch its supplier."
        )
    if act in {"take", "give_back", "refuse"}:
        return NotNow(
            "This top-up isn't a manual task, so it can't be taken, given back or refused."
        )
    if act == "switch":
        return NotNow(
            f"The outcome at {supplier} is unknown. Check there. If {supplier} delivered nothing, "
            "record that, then switch to another supplier."
        )
    if act == "retry":
        return NotNow(
            f"Calling {supplier} again could deliver the top-up twice. Check there, then settle "
            "the top-up, or record that nothing was delivered."
        )
    return NotNow("All suppliers' outcomes are known, so there is nothing to record.")
