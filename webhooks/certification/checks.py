"""Define the checks for a webhook receiver. Each check is one small function with a row in CHECKS.

If you add a check, also describe it in gateway/docs/text/test-webhooks.md.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from kernel.ids import new_id
from webhooks.certification.trial import (
    Answered,
    Harm,
    Judged,
    Seen,
    Trial,
    TrialMessage,
    other_amount,
)

_NOT_SEEN = "Its effects are unknown: give `effects_url`, or check yourself that it acted {times}."
_SERVER_ERRORS = range(500, 600)
STALE_S: Final = 3600
BURST: Final = 20
# When to close the connection, as fractions of the time that a genuine event takes.
_LOST_AT: Final = (0.25, 0.5, 0.75)
_LISTENED_S_MIN: Final = 0.002


def judge_taken(
    seen: Seen, *, times: int = 1, unit: int | None, is_repeated: bool = False
) -> Judged:
    """Evaluate genuine requests. All must be accepted, and together they must have the effect of `times` top-ups.

    is_repeated: true if the requests repeat events. Accepting them then proves nothing.
    """
    refused = [answered for answered in seen.answers if not answered.is_taken]
    if refused:
        return Judged(
            "failed",
            f"{_answered(refused, seen)}: the gateway retries the event and, if this continues, disables"
            " the endpoint.",
            "lost",
        )
    if unit is not None and seen.moved is not None:
        return _judge_effects(seen.moved, times * unit)
    if not is_repeated:
        return Judged("passed", "Accepted.")
    text = "once" if times == 1 else f"{times} times"
    return Judged("not_seen", "Accepted. " + _NOT_SEEN.format(times=text))


def _judge_effects(moved: int, due: int) -> Judged:
    if moved == due:
        return Judged("passed", "Accepted, with the right effect.")
    impact: Harm = "twice" if abs(moved) > abs(due) else "lost"
    return Judged(
        "failed",
        f"Accepted, but the number of effects changed by {moved} instead of {due}.",
        impact,
    )


def judge_refused(seen: Seen, *, what: str) -> Judged:
    """Evaluate forged requests. Each must be refused and have no effect."""
    if seen.moved:
        return Judged(
            "failed",
            f"It processed {what}: the number of effects changed by {seen.moved}.",
            "forged",
        )
    taken = [answered for answered in seen.answers if answered.is_taken]
    if taken and seen.moved is None:
        return Judged("failed", f"It accepted {what}. Respond with 400 or 401.", "forged")
    if taken:
        return Judged("warned", f"It accepted {what} but did nothing. Respond with 400 or 401.")
    if all(answered.status in _SERVER_ERRORS for answered in seen.answers):
        return Judged(
            "warned", f"It failed on {what} ({seen.answers[0]}). Respond with 400 or 401."
        )
    if not any(answered.is_refused for answered in seen.answers):
        return Judged("warned", f"It didn't respond to {what}. Respond with 400 or 401.")
    return Judged("passed", f"Refused with {seen.answers[0]}.")


def judge_unknown_type(seen: Seen) -> Judged:
    if seen.moved:
        detail = (
            f"It processed an unknown event type: the number of effects changed by {seen.moved}."
        )
        return Judged("failed", detail, "twice")
    return judge_taken(seen, unit=None)


def judge_repeated_by_stranger(seen: Seen) -> Judged:
    """Evaluate a genuine request that was resent under another webhook-id. It must have no effect."""
    if seen.moved:
        return Judged(
            "failed",
            f"It processed the event again: the number of effects changed by {seen.moved}."
            " X-AiTopUp-Signature doesn't cover webhook-id: recognize events by the id in the body.",
            "twice",
        )
    if any(answered.is_taken for answered in seen.answers) and seen.moved is None:
        return Judged(
            "not_seen",
            "It accepted the request. Its effects are unknown: give `effects_url`, or check that it recognizes"
            " events by the id in the body, because X-AiTopUp-Signature doesn't cover webhook-id.",
        )
    return Judged("passed", "The request had no effect.")


def judge_speed(answers: Sequence[Answered], *, timeout_s: float) -> Judged:
    slowest_s = max((answered.took_s for answered in answers if answered.is_taken), default=0.0)
    said = (
        f"The slowest response took {slowest_s:.2f} s of the {timeout_s:g} s that the gateway waits"
    )
    if slowest_s > timeout_s / 2:
        return Judged("warned", f"{said}. Store the event, respond, and do the work afterwards.")
    return Judged("passed", f"{said}.")


def _answered(refused: Sequence[Answered], seen: Seen) -> str:
    if len(seen.answers) == 1:
        return f"It gave {refused[0]}"
    return f"It gave {refused[0]} to {len(refused)} of {len(seen.answers)} requests"


async def check_genuine(trial: Trial) -> Judged:
    """Send one ordinary event, and measure how much one top-up changes the number of effects."""
    seen = await trial.watch(lambda: trial.send_each(trial.genuine(trial.event())))
    taken = judge_taken(seen, unit=None)
    if taken.verdict == "failed" or seen.moved is None:
        return taken
    if not seen.moved:
        return Judged(
            "failed",
            "Accepted, but the number of effects didn't change: it counts something else, or the receiver"
            " ignores top-ups that it doesn't know.",
            "lost",
        )
    trial.unit = seen.moved
    return Judged("passed", f"Accepted. One top-up changes the number of effects by {seen.moved}.")


async def check_bytes(trial: Trial) -> Judged:
    message = trial.genuine(trial.event(has_odd_text=True))
    seen = await trial.watch(lambda: trial.send_each(message))
    return judge_taken(seen, unit=trial.unit)


async def check_additions(trial: Trial) -> Judged:
    fields = trial.event(more={"added_later": {"nested": [1, None, "x"]}})
    later = trial.event("topup.celebrated", more={"confetti": True})
    seen = await trial.watch(lambda: trial.send_each(trial.genuine(fields)))
    if (judged := judge_taken(seen, unit=trial.unit)).verdict == "failed":
        return judged
    seen = await trial.watch(lambda: trial.send_each(trial.genuine(later)))
    return judge_unknown_type(seen)


async def check_rotation(trial: Trial) -> Judged:
    """Send a request with two signatures. The receiver knows only the secret of the second one."""
    message = trial.signer.in_rotation().message(trial.event(), timestamp_s=trial.now_s)
    seen = await trial.watch(lambda: trial.send_each(message))
    return judge_taken(seen, unit=trial.unit)


async def check_repeated(trial: Trial) -> Judged:
    """Send one event three times, each with a new timestamp."""
    event = trial.event()

    async def work() -> Sequence[Answered]:
        return [await trial.send(trial.genuine(event, attempt=number)) for number in (1, 2, 3)]

    return judge_taken(await trial.watch(work), unit=trial.unit, is_repeated=True)


async def check_repeated_at_once(trial: Trial) -> Judged:
    """Send one event four times concurrently."""
    event = trial.event()
    messages = [trial.genuine(event, attempt=number) for number in (1, 2, 3, 4)]
    seen = await trial.watch(lambda: trial.send_at_once(*messages))
    return judge_taken(seen, unit=trial.unit, is_repeated=True)


async def check_lost_answers(trial: Trial) -> Judged:
    """Close the connection before the response, at a different moment for each of three events. Resend each one."""
    usual_s = min(answered.took_s for answered in trial.answers if answered.is_taken)
    events = [trial.event() for _ in _LOST_AT]

    async def work() -> Sequence[Answered]:
        for event, share in zip(events, _LOST_AT, strict=True):
            listened_s = max(_LISTENED_S_MIN, usual_s * share)
            await trial.receiver.send(trial.genuine(event), timeout_s=listened_s)
        return [await trial.send(trial.genuine(event, attempt=2)) for event in events]

    seen = await trial.watch(work)
    return judge_taken(seen, times=len(events), unit=trial.unit, is_repeated=True)


async def check_order(trial: Trial) -> Judged:
    transaction_id = new_id("txn")
    earlier = trial.event("topup.pending", transaction_id=transaction_id)
    later = trial.event(transaction_id=transaction_id)
    seen = await trial.watch(lambda: trial.send_each(trial.genuine(later), trial.genuine(earlier)))
    return judge_taken(seen, unit=trial.unit, is_repeated=True)


async def check_burst(trial: Trial) -> Judged:
    messages = [trial.genuine(trial.event()) for _ in range(BURST)]
    seen = await trial.watch(lambda: trial.send_at_once(*messages))
    return judge_taken(seen, times=BURST, unit=trial.unit)


async def check_unsigned(trial: Trial) -> Judged:
    message = trial.genuine(trial.event())
    empty = message.with_headers(
        X_AiTopUp_Signature=f"t={trial.now_s},v1=", webhook_signature="v1, v1a,"
    )
    return await _refused(trial, message.without_signatures(), empty, what="an unsigned request")


async def check_other_secret(trial: Trial) -> Judged:
    """Sign with another endpoint's secret and key, then with the public key used as a secret."""
    forgers = [trial.signer.stranger()]
    if trial.signer.signers:
        forgers.append(trial.signer.knows_public_key_alone())
    messages = [one.message(trial.event(), timestamp_s=trial.now_s) for one in forgers]
    return await _refused(trial, *messages, what="a request signed with another secret")


async def check_changed_body(trial: Trial) -> Judged:
    message = trial.genuine(trial.event())
    forged = replace(message, body=other_amount(message.body))
    return await _refused(trial, forged, what="a body that was changed after signing")


async def check_stale(trial: Trial) -> Judged:
    message = trial.signer.message(trial.event(), timestamp_s=trial.now_s - STALE_S)
    return await _refused(trial, message, what="a signature that is an hour old")


async def check_ahead(trial: Trial) -> Judged:
    """Send a request signed one hour in the future.

    Accepting the request causes only a warning, because Stripe's libraries accept it, too.
    """
    message = trial.signer.message(trial.event(), timestamp_s=trial.now_s + STALE_S)
    judged = await _refused(trial, message, what="a signature from an hour in the future")
    if judged.verdict != "failed":
        return judged
    return Judged(
        "warned",
        "It accepted a signature from an hour in the future, as Stripe's libraries do: they only refuse old ones."
        " Nobody without the secret can make such a signature.",
    )


async def check_other_id(trial: Trial) -> Judged:
    message = trial.genuine(trial.event())
    await trial.send(message)
    again = message.with_headers(webhook_id=new_id("evt"))
    return judge_repeated_by_stranger(await trial.watch(lambda: trial.send_each(again)))


async def check_speed(trial: Trial) -> Judged:
    return judge_speed(trial.answers, timeout_s=trial.receiver.timeout_s)


async def _refused(trial: Trial, *messages: TrialMessage, what: str) -> Judged:
    seen = await trial.watch(lambda: trial.send_each(*messages))
    return judge_refused(seen, what=what)


class Check(NamedTuple):
    name: str
    title: str
    run: Callable[[Trial], Awaitable[Judged]]


CHECKS: Final = (
    Check("genuine", "Accepts a genuine event", check_genuine),
    Check("bytes", "Verifies the raw bytes", check_bytes),
    Check("additions", "Accepts new fields and new types", check_additions),
    Check("rotation", "Works while the secret is rotated", check_rotation),
    Check("repeated", "Processes an event once that was sent three times", check_repeated),
    Check(
        "repeated_at_once",
        "Processes an event once that was sent in parallel",
        check_repeated_at_once,
    ),
    Check("lost_answers", "Processes an event once if its response was lost", check_lost_answers),
    Check("order", "Accepts events out of order", check_order),
    Check("burst", "Accepts twenty events in parallel", check_burst),
    Check("unsigned", "Refuses unsigned requests", check_unsigned),
    Check("other_secret", "Refuses requests signed with another secret", check_other_secret),
    Check("changed_body", "Refuses a changed body", check_changed_body),
    Check("stale", "Refuses an old signature", check_stale),
    Check("ahead", "Refuses a signature from the future", check_ahead),
    Check("other_id", "Recognizes an event by the id in its body", check_other_id),
    Check("speed", "Responds in time", check_speed),
)
