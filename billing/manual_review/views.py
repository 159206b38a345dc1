"""Top-ups at suppliers as operators see them, without what was handed over."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from billing.manual_review.rules import MEANINGS, ReviewedTopUp
from billing.topups.supplier_words import SupplierWord
from billing.topups.topup import TopUp
from kernel.shaped import Shaped
from kernel.words import Cents, Environment, Time, TransactionId, time_of

ShownDeliverable = Annotated[
    dict[str, Any] | None, Meta(description="What was handed over, without its value.")
]


class WaitingTopUp(Struct, kw_only=True):
    """A top-up at a supplier, and what it waits for."""

    transaction_id: TransactionId
    account_id: str
    environment: Environment
    platform: str
    amount_cents: Cents
    recipient_email: str
    created_at: Time
    supplier: Annotated[str | None, Meta(description="The supplier that has it.")]
    state: Annotated[str, Meta(description="What it waits for, or how it ended.")]
    overdue: Annotated[bool, Meta(description="Its task is late, or it is a day old.")]
    outcome: Annotated[str | None, Meta(description="Of the last attempt.")]
    detail: Annotated[str | None, Meta(description="What the supplier said last.")]
    requests_made: Annotated[int, Meta(description="How often suppliers were called.")]
    next_check_at: Time | None
    due_at: Annotated[Time | None, Meta(description="When its task is due.")]
    taken_by: Annotated[str | None, Meta(description="Who has taken its task.")]

    @classmethod
    def of(cls, seen: ReviewedTopUp) -> "WaitingTopUp":
        return cls(**_waiting(seen))


class ShownAttempt(Shaped, kw_only=True):
    """The calls of one supplier in one turn."""

    supplier: str
    kind: Annotated[str, Meta(description="Of the supplier.")]
    outcome: Annotated[str, Meta(description="What came of it so far.")]
    detail: Annotated[str | None, Meta(description="What the supplier said.")]
    requests_made: Annotated[int, Meta(description="How often it was called.")]
    requested_at: Time
    last_requested_at: Time
    ended_at: Time | None
    cost_cents: Cents | None


class ShownWord(Shaped, kw_only=True):
    """A late or contradictory response of a supplier, which was stored and changed nothing."""

    supplier: str
    word: Annotated[str, Meta(description="delivered or failed.")]
    why: Annotated[str, Meta(description="Why it was not followed, such as late.")]
    detail: Annotated[str, Meta(description="The same in a sentence.")]
    kind: Annotated[str | None, Meta(description="Of what was handed over.")]
    hint: Annotated[str | None, Meta(description="The last characters of what was handed over.")]
    cost_cents: Cents | None
    received_at: Time
    last_received_at: Time
    times: Annotated[int, Meta(description="How often it came.")]
    seen_at: Time | None
    seen_by: Annotated[str | None, Meta(description="Who marked it as seen.")]


class TopUpReview(WaitingTopUp, kw_only=True):
    """A top-up with each call of each supplier, and what this person can do now."""

    status: str
    failure_reason: str | None
    deliverable: ShownDeliverable
    means: Annotated[str, Meta(description="The state in a sentence.")]
    acts: Annotated[list[str], Meta(description="What this person can do now.")]
    attempts: Annotated[list[ShownAttempt], Meta(description="Oldest first.")]
    words: Annotated[
        list[ShownWord], Meta(description="Late and contradictory responses, oldest first.")
    ]


class DecidedTopUp(Struct, kw_only=True):
    """A top-up after an operator's decision."""

    transaction_id: TransactionId
    status: str
    supplier: str | None
    failure_reason: str | None
    deliverable: ShownDeliverable

    @classmethod
    def of(cls, ended: Any) -> "DecidedTopUp":
        """Return the view of the `topup` of a command's result."""
        topup: TopUp = ended.topup
        return cls(
            transaction_id=topup.id,
            status=topup.status,
            supplier=topup.supplier,
            failure_reason=topup.failure_reason,
            deliverable=None if topup.given is None else topup.given.shape(),
        )


class SeenWords(Struct, kw_only=True):
    """How many responses of suppliers were marked as seen."""

    transaction_id: TransactionId
    seen: Annotated[int, Meta(description="How many were marked.")]


def review_of(seen: ReviewedTopUp, words: Sequence[SupplierWord], person: str) -> TopUpReview:
    given = seen.topup.given
    return TopUpReview(
        **_waiting(seen),
        status=seen.topup.status,
        failure_reason=seen.topup.failure_reason,
        deliverable=None if given is None else given.shape(),
        means=MEANINGS[seen.state],
        acts=list(seen.acts(person)),
        attempts=[ShownAttempt.of(one) for one in seen.attempts],
        words=[ShownWord.of(one) for one in words],
    )


def _waiting(seen: ReviewedTopUp) -> dict[str, Any]:
    topup, task = seen.topup, seen.open_task
    last = seen.attempts[-1] if seen.attempts else None
    return {
        "transaction_id": topup.id,
        "account_id": topup.account_id,
        "environment": topup.environment,
        "platform": topup.platform,
        "amount_cents": topup.amount_cents,
        "recipient_email": topup.recipient_email,
        "created_at": time_of(topup.created_at),
        "supplier": topup.supplier,
        "state": topup.status if seen.state == "ended" else seen.state,
        "overdue": seen.is_overdue,
        "outcome": None if last is None else last.outcome,
        "detail": None if last is None else last.detail,
        "requests_made": sum(one.requests_made for one in seen.attempts),
        "next_check_at": time_of(topup.next_check_at),
        "due_at": None if task is None else time_of(task.due_at),
        "taken_by": None if task is None else task.taken_by,
    }
