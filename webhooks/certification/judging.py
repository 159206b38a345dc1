"""Judge what was seen of a receiver. Pure.

A response of 2xx means "I have it": the gateway never sends it again. Any other means "again, please"; an
endpoint that always gives one is disabled in the end. gateway/docs/text/webhooks.md tells receivers so.
"""

from collections.abc import Sequence

from webhooks.certification.trial import Harm, Judged, Seen
from webhooks.certification.trial_receiver import Answered

_NOT_SEEN = "Nobody says what it did: give effects_url, or look whether it acted {times}."
_SERVER_ERRORS = range(500, 600)


def judge_taken(
    seen: Seen, *, times: int = 1, unit: int | None, is_repeated: bool = False
) -> Judged:
    """Judge genuine requests, all of which must be accepted, and together count as `times` top-ups.

    is_repeated: there are more requests than top-ups, so acceptance proves nothing.
    """
    refused = [answered for answered in seen.answers if not answered.is_taken]
    if refused:
        return Judged(
            "failed",
            f"{_answered(refused, seen)}: the gateway sends it again and, while that goes on, disables"
            " the endpoint.",
            "lost",
        )
    if unit is not None and seen.moved is not None:
        return _judge_effects(seen.moved, times * unit)
    if not is_repeated:
        return Judged("passed", "Taken.")
    text = "once" if times == 1 else f"{times} times"
    return Judged("not_seen", "Taken. " + _NOT_SEEN.format(times=text))


def _judge_effects(moved: int, due: int) -> Judged:
    if moved == due:
        return Judged("passed", "Taken, and its effect is what it should be.")
    impact: Harm = "twice" if abs(moved) > abs(due) else "lost"
    return Judged(
        "failed", f"Taken, and the number of effects moved by {moved} where {due} is due.", impact
    )


def judge_refused(seen: Seen, *, what: str) -> Judged:
    """Judge requests that are not the gateway's: each must be refused, without effect."""
    if seen.moved:
        return Judged(
            "failed", f"It acted on {what}: the number of effects moved by {seen.moved}.", "forged"
        )
    taken = [answered for answered in seen.answers if answered.is_taken]
    if taken and seen.moved is None:
        return Judged("failed", f"It said yes to {what}; answer 400 or 401.", "forged")
    if taken:
        return Judged("warned", f"It said yes to {what} but did nothing; answer 400 or 401.")
    if all(answered.status in _SERVER_ERRORS for answered in seen.answers):
        return Judged("warned", f"It failed at {what} ({seen.answers[0]}); answer 400 or 401.")
    if not any(answered.is_refused for answered in seen.answers):
        return Judged("warned", f"It gave no answer to {what}; answer 400 or 401.")
    return Judged("passed", f"Refused with {seen.answers[0]}.")


def judge_unknown_type(seen: Seen) -> Judged:
    """Judge an event of an unknown type: it must be accepted, without effect."""
    if seen.moved:
        detail = (
            f"It acted on a type that it cannot know: the number of effects moved by {seen.moved}."
        )
        return Judged("failed", detail, "twice")
    return judge_taken(seen, unit=None)


def judge_repeated_by_stranger(seen: Seen) -> Judged:
    """Judge a genuine request under another webhook-id: refused or not, it must have no effect."""
    if seen.moved:
        return Judged(
            "failed",
            f"It acted again: the number of effects moved by {seen.moved}. No signature of"
            " X-AiTopUp-Signature covers webhook-id: know events by the id in the body.",
            "twice",
        )
    if any(answered.is_taken for answered in seen.answers) and seen.moved is None:
        return Judged(
            "not_seen",
            "It said yes. Nobody says what it did: give effects_url, or see that it knows events by the"
            " id in the body, since webhook-id is not covered by X-AiTopUp-Signature.",
        )
    return Judged("passed", "Nothing was done for it.")


def judge_speed(answers: Sequence[Answered], *, timeout_s: float) -> Judged:
    slowest_s = max((answered.took_s for answered in answers if answered.is_taken), default=0.0)
    said = (
        f"The slowest answer took {slowest_s:.2f} s of the {timeout_s:g} s that the gateway waits"
    )
    if slowest_s > timeout_s / 2:
        return Judged("warned", f"{said}: store it, answer, and do the work afterwards.")
    return Judged("passed", f"{said}.")


def _answered(refused: Sequence[Answered], seen: Seen) -> str:
    if len(seen.answers) == 1:
        return f"It gave {refused[0]}"
    return f"It gave {refused[0]} to {len(refused)} of {len(seen.answers)} requests"
