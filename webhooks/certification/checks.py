"""The checks, in this order: each is one small function and its row in CHECKS.

A new check needs a function here, its row, and its line in gateway/docs/text/test-webhooks.md.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from kernel.ids import new_id
from webhooks.certification.judging import (
    judge_refused,
    judge_repeated_by_stranger,
    judge_speed,
    judge_taken,
    judge_unknown_type,
)
from webhooks.certification.trial import Judged, Trial
from webhooks.certification.trial_message import TrialMessage, other_amount
from webhooks.certification.trial_receiver import Answered

STALE_S: Final = 3600
BURST: Final = 20
# When to close the connection, as shares of the time that a genuine event took.
_LOST_AT: Final = (0.25, 0.5, 0.75)
_LISTENED_S_MIN: Final = 0.002


async def check_genuine(trial: Trial) -> Judged:
    """Send one ordinary event; it also shows by how much an effect moves the number."""
    seen = await trial.watch(lambda: trial.send_each(trial.genuine(trial.event())))
    taken = judge_taken(seen, unit=None)
    if taken.verdict == "failed" or seen.moved is None:
        return taken
    if not seen.moved:
        return Judged(
            "failed",
            "Taken, and the number of effects did not move: it counts something else, or the receiver"
            " leaves out top-ups that it does not know.",
            "lost",
        )
    trial.unit = seen.moved
    return Judged("passed", f"Taken; one top-up moves the number of effects by {seen.moved}.")


async def check_bytes(trial: Trial) -> Judged:
    message = trial.genuine(trial.event(has_odd_text=True))
    seen = await trial.watch(lambda: trial.send_each(message))
    return judge_taken(seen, unit=trial.unit)


async def check_additions(trial: Trial) -> Judged:
    """Send a field, and a type of events, that a later version may have."""
    fields = trial.event(more={"added_later": {"nested": [1, None, "x"]}})
    later = trial.event("topup.celebrated", more={"confetti": True})
    seen = await trial.watch(lambda: trial.send_each(trial.genuine(fields)))
    if (judged := judge_taken(seen, unit=trial.unit)).verdict == "failed":
        return judged
    seen = await trial.watch(lambda: trial.send_each(trial.genuine(later)))
    return judge_unknown_type(seen)


async def check_rotation(trial: Trial) -> Judged:
    """Send two signatures, of which the receiver knows only the second."""
    message = trial.signer.in_rotation().message(trial.event(), timestamp_s=trial.now_s)
    seen = await trial.watch(lambda: trial.send_each(message))
    return judge_taken(seen, unit=trial.unit)


async def check_repeated(trial: Trial) -> Judged:
    """Send one event three times, each with a new timestamp, as retries and replays have it."""
    event = trial.event()

    async def work() -> Sequence[Answered]:
        return [await trial.send(trial.genuine(event, attempt=number)) for number in (1, 2, 3)]

    return judge_taken(await trial.watch(work), unit=trial.unit, is_repeated=True)


async def check_repeated_at_once(trial: Trial) -> Judged:
    """Send one event in four requests at once: a receiver that checks first and writes later fails."""
    event = trial.event()
    messages = [trial.genuine(event, attempt=number) for number in (1, 2, 3, 4)]
    seen = await trial.watch(lambda: trial.send_at_once(*messages))
    return judge_taken(seen, unit=trial.unit, is_repeated=True)


async def check_lost_answers(trial: Trial) -> Judged:
    """Close the connection before the response, at three moments; then send each event again."""
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
    """Send topup.delivered before the topup.pending of the same top-up."""
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
    """Sign correctly, with another endpoint's secret and private key, and with the public key as a secret."""
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
    """Send a genuine request that was signed an hour ago, as a recording."""
    message = trial.signer.message(trial.event(), timestamp_s=trial.now_s - STALE_S)
    return await _refused(trial, message, what="a signature of an hour ago")


async def check_ahead(trial: Trial) -> Judged:
    """Send a genuine request, signed for a time that is an hour away.

    Only the endpoint's own secret makes one, and Stripe's libraries accept it: it is no fault.
    """
    message = trial.signer.message(trial.event(), timestamp_s=trial.now_s + STALE_S)
    judged = await _refused(trial, message, what="a signature of an hour from now")
    if judged.verdict != "failed":
        return judged
    return Judged(
        "warned",
        "It took a signature of an hour from now, as Stripe's libraries do: they refuse old ones only. Nobody"
        " without the secret can make one.",
    )


async def check_other_id(trial: Trial) -> Judged:
    message = trial.genuine(trial.event())
    await trial.send(message)
    # The number of effects is read again after the genuine one.
    again = message.with_headers(webhook_id=new_id("evt"))
    return judge_repeated_by_stranger(await trial.watch(lambda: trial.send_each(again)))


async def check_speed(trial: Trial) -> Judged:
    return judge_speed(trial.answers, timeout_s=trial.receiver.timeout_s)


async def _refused(trial: Trial, *messages: TrialMessage, what: str) -> Judged:
    seen = await trial.watch(lambda: trial.send_each(*messages))
    return judge_refused(seen, what=what)


class Check(NamedTuple):
    """name stays; title is what a person reads."""

    name: str
    title: str
    run: Callable[[Trial], Awaitable[Judged]]


CHECKS: Final = (
    Check("genuine", "Takes a genuine event", check_genuine),
    Check("bytes", "Checks the bytes as they came", check_bytes),
    Check("additions", "Takes new fields and new types", check_additions),
    Check("rotation", "Goes on while the secret is rotated", check_rotation),
    Check("repeated", "Acts once on an event sent three times", check_repeated),
    Check("repeated_at_once", "Acts once on an event sent at once", check_repeated_at_once),
    Check("lost_answers", "Acts once where its answer was lost", check_lost_answers),
    Check("order", "Takes events out of order", check_order),
    Check("burst", "Takes twenty events at once", check_burst),
    Check("unsigned", "Refuses what is not signed", check_unsigned),
    Check("other_secret", "Refuses another secret", check_other_secret),
    Check("changed_body", "Refuses a changed body", check_changed_body),
    Check("stale", "Refuses an old signature", check_stale),
    Check("ahead", "Refuses a signature of the future", check_ahead),
    Check("other_id", "Knows an event by its body's id", check_other_id),
    Check("speed", "Answers in time", check_speed),
)
