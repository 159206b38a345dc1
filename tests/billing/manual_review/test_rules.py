"""What fits a top-up in each state, worked out by hand from docs/suppliers.md; and who may do it."""

import pytest
from msgspec.structs import replace

from billing.fulfilment.manual import Task
from billing.manual_review.rules import ReviewAct, ReviewedTopUp, ReviewState, refusal
from billing.topups.fulfilment import Attempt, AttemptOutcome
from billing.topups.topup import TopUp

NOW = 1_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
TOPUP = TopUp(
    id="txn_1",
    account_id="acc_1",
    environment="live",
    spent_by=(),
    status="pending",
    platform="gpt",
    amount_cents=1000,
    recipient_email="user@example.com",
    created_at=NOW - 60 * SECOND,
    fulfilment="http",
    supplier="own",
    handed_over_at=NOW - 60 * SECOND,
    next_check_at=NOW + 15 * SECOND,
)
TASK = Task(
    transaction_id="txn_1",
    account_id="acc_1",
    environment="live",
    supplier="own",
    created_at=NOW - 60 * SECOND,
    due_at=NOW + 60 * SECOND,
)


def attempt(outcome: AttemptOutcome, *, asked_s: int = 1) -> Attempt:
    at = NOW - asked_s * SECOND
    ended_at = None if outcome in {"requested", "waiting", "unknown"} else at
    return Attempt(
        transaction_id="txn_1",
        number=1,
        account_id="acc_1",
        environment="live",
        recipient_email="user@example.com",
        supplier="own",
        kind="http",
        outcome=outcome,
        requested_at=at,
        last_requested_at=at,
        ended_at=ended_at,
    )


def seen(
    last: Attempt | None = None, task: Task | None = None, topup: TopUp = TOPUP
) -> ReviewedTopUp:
    return ReviewedTopUp(topup, [] if last is None else [last], task, NOW)


HELD = replace(TOPUP, next_check_at=None)
LOST = ReviewedTopUp(HELD, [attempt("unknown")], None, NOW, can_be_asked=False)


@pytest.mark.parametrize(
    ("given", "state", "acts"),
    [
        (seen(topup=replace(TOPUP, status="delivered")), "ended", ()),
        (seen(attempt("refused"), topup=replace(TOPUP, status="failed")), "ended", ()),
        (seen(attempt("unknown"), topup=replace(TOPUP, status="reversing")), "reversing", ()),
        (seen(topup=replace(TOPUP, fulfilment="approval", supplier=None)), "approval", ()),
        (seen(topup=replace(TOPUP, fulfilment="sandbox", supplier=None)), "sandbox", ()),
        (seen(), "queued", ("retry", "switch", "settle", "fail")),
        (seen(attempt("refused")), "queued", ("retry", "switch", "settle", "fail")),
        (seen(attempt("dropped"), topup=HELD), "held", ("retry", "switch", "settle", "fail")),
        (seen(attempt("requested", asked_s=74)), "requested", ()),
        # A worker died over it: its ask is over, whatever it did.
        (
            seen(attempt("requested", asked_s=75)),
            "unknown",
            ("retry", "settle", "not_done", "fail"),
        ),
        (seen(attempt("unknown")), "unknown", ("retry", "settle", "not_done", "fail")),
        (seen(attempt("waiting")), "waiting", ("retry", "settle", "not_done", "fail")),
        (
            seen(attempt("unknown"), topup=HELD),
            "needs_review",
            ("settle", "not_done", "retry", "fail"),
        ),
        (LOST, "needs_review", ("settle", "not_done", "fail")),
        (seen(attempt("waiting"), TASK), "task", ("take", "settle", "refuse", "switch", "fail")),
        (seen(attempt("requested"), TASK), "task", ("take", "settle", "refuse", "switch", "fail")),
        (
            seen(attempt("waiting"), replace(TASK, taken_by="ann")),
            "task",
            ("give_back", "settle", "refuse", "switch", "fail"),
        ),
        (seen(attempt("waiting"), replace(TASK, taken_by="bob")), "task", ("give_back",)),
        # A task of an earlier turn, or one that ended, is none.
        (
            seen(attempt("unknown"), replace(TASK, supplier="desk")),
            "unknown",
            ("retry", "settle", "not_done", "fail"),
        ),
        (
            seen(attempt("refused"), replace(TASK, outcome="refused")),
            "queued",
            ("retry", "switch", "settle", "fail"),
        ),
    ],
)
def test_each_state_has_its_acts(
    given: ReviewedTopUp, state: ReviewState, acts: tuple[ReviewAct, ...]
) -> None:
    assert given.state == state
    assert set(given.acts("ann")) == set(acts)


@pytest.mark.parametrize(
    ("given", "act", "sentence"),
    [
        (seen(attempt("requested")), "fail", "own is being called now. Try again"),
        (seen(attempt("unknown")), "switch", "The outcome at own is unknown. Check there"),
        (LOST, "retry", "could deliver the top-up twice"),
        (seen(attempt("unknown")), "take", "This top-up isn't a manual task"),
        (seen(), "not_done", "there is nothing to record"),
        (seen(None, replace(TASK, taken_by="bob")), "settle", "bob has taken the task"),
        (seen(topup=replace(TOPUP, status="failed")), "retry", "It has ended"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    given: ReviewedTopUp, act: ReviewAct, sentence: str
) -> None:
    assert act not in given.acts("ann")
    assert sentence in refusal(given, act).detail


@pytest.mark.parametrize(
    ("given", "is_overdue"),
    [
        (seen(topup=replace(TOPUP, created_at=NOW - DAY)), True),
        (seen(topup=replace(TOPUP, created_at=NOW - DAY + 1)), False),
        (seen(None, replace(TASK, due_at=NOW)), True),
        (seen(None, replace(TASK, due_at=NOW + 1)), False),
        (seen(None, replace(TASK, due_at=NOW, outcome="refused")), False),
        (seen(topup=replace(TOPUP, created_at=NOW - DAY, status="failed")), False),
    ],
)
def test_overdue_is_after_a_day_or_after_its_tasks_time(
    given: ReviewedTopUp, is_overdue: bool
) -> None:
    assert given.is_overdue is is_overdue
