"""Show a top-up's history as lines with times. Merchants don't see suppliers' names or messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from billing.ledger.chart import Code, account_parts, code_words
from billing.reports.topup_story import StoryEvent, TopUpStory
from billing.topups.approval import BY_LINK
from billing.topups.fulfilment import Attempt
from gateway.html.chart import Axis, Stretch, axis_of
from gateway.html.format import micros, money, tone
from gateway.html.phrase import Value, counted, phrase
from kernel.clock import rfc3339_ms
from webhooks.deliveries.log import AttemptOutcome, Delivery

_UNDER_WAY: Final = frozenset({"scheduled", "pending", "reversing"})
_OPEN_DELIVERIES: Final = frozenset({"pending", "sending"})
_D: Final = "/dashboard"


@dataclass(frozen=True, slots=True)
class Step:
    """`until_at` is None if the step took no time or is still open. `depth` is 1 for a step under an event, and 2 under
    a delivery.
    """

    anchor: str
    word: str
    title: str
    at: int
    until_at: int | None = None
    is_open: bool = False
    state: str = ""
    detail: Sequence[str] = ()
    path: str | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class StoryLine:
    """`since_us` is the time since the first line. `took_us` is None if the step took no time."""

    step: Step
    at: str
    since_us: int
    took_us: int | None
    tone: str
    bar: Stretch


@dataclass(frozen=True, slots=True)
class ShownStory:
    """`mark` changes when a step is added or changed."""

    lines: Sequence[StoryLine]
    ticks: Sequence[tuple[float, int]]
    length_us: int
    mark: str
    is_live: bool
    has_webhooks: bool
    has_more_deliveries: bool


def shown_story(
    story: TopUpStory, *, is_operator: bool, now_us: int, has_links: bool = True
) -> ShownStory:
    """Return the lines. If `is_operator`, they name suppliers. If `has_links`, they link to the account's
    pages.
    """
    steps = [*_in_order(story, is_operator=is_operator)]
    if not has_links:
        steps = [replace(step, path=None) for step in steps]
    ends = [_end(step, now_us) for step in steps]
    axis = axis_of([*(step.at for step in steps), *ends])
    lines = [_line(step, end, axis) for step, end in zip(steps, ends, strict=True)]
    return ShownStory(
        lines,
        axis.ticks(),
        axis.length_us,
        f"{len(steps)} " + " ".join(step.state for step in steps if step.is_open),
        _is_live(story),
        bool(story.deliveries),
        story.has_more_deliveries,
    )


def _is_live(story: TopUpStory) -> bool:
    is_sent = all(one.status not in _OPEN_DELIVERIES for one in story.deliveries)
    is_mailed = all(one.ended_at is not None for one in story.mails)
    return story.topup.status in _UNDER_WAY or not is_sent or not is_mailed


def _end(step: Step, now_us: int) -> int:
    if step.is_open:
        return max(now_us, step.at)
    return step.at if step.until_at is None else max(step.until_at, step.at)


def _line(step: Step, end: int, axis: Axis) -> StoryLine:
    is_moment = end == step.at and not step.is_open
    return StoryLine(
        step,
        rfc3339_ms(step.at),
        step.at - axis.begin_us,
        None if is_moment else end - step.at,
        tone(step.state) if step.state else "calm",
        axis.bar(step.at, end),
    )


def _in_order(story: TopUpStory, *, is_operator: bool) -> Iterator[Step]:
    """Yield steps in order of time. Deliveries follow their event, and attempts follow their delivery."""
    steps = [
        *_request(story),
        *_transfers(story),
        *_approval(story),
        *(_supplier(one, is_operator=is_operator) for one in story.attempts),
        *_mails(story),
        *_settled(story),
        *_reversal(story),
        *(_event(one) for one in story.events),
    ]
    below: dict[str, list[Step]] = {one.id: [] for one in story.events}
    for delivery in story.deliveries:
        told = [_delivery(delivery, story), *_attempts(delivery, story)]
        if delivery.event_id in below:
            below[delivery.event_id] += told
        else:
            steps += [replace(one, depth=max(one.depth - 1, 0)) for one in told]
    for step in sorted(steps, key=lambda one: one.at):
        yield step
        yield from below.get(step.anchor, ())


def _request(story: TopUpStory) -> Iterator[Step]:
    topup, began_at = story.topup, story.began_at
    yield Step(
        "request",
        phrase("Request"),
        _caller(story),
        topup.created_at if began_at is None else began_at,
        until_at=topup.created_at,
        detail=[*_facts_of_request(story)],
        path=None if topup.key_id is None else f"{_D}/keys/{topup.key_id}",
    )
    yield Step(
        "decision",
        phrase("Decision"),
        _decision(story),
        topup.created_at,
        state="accepted",
        detail=[phrase("%(amount)s charged", amount=partial(money, topup.charged_cents))],
    )


def _caller(story: TopUpStory) -> str:
    topup = story.topup
    if topup.key_id is None:
        return phrase("Sent without a key")
    return phrase("Sent with the key %(key)s", key=topup.key_name or topup.key_id)


def _facts_of_request(story: TopUpStory) -> Iterator[str]:
    topup = story.topup
    if topup.caller_address is not None:
        yield phrase("from %(address)s", address=topup.caller_address)
    if topup.idempotency_key is not None:
        yield f"Idempotency-Key {topup.idempotency_key}"
    if story.request_id is not None:
        yield story.request_id


def _decision(story: TopUpStory) -> str:
    if story.approval is not None:
        return phrase("A person has to approve it; its funds are held")
    if story.topup.scheduled_for is not None:
        return phrase("Accepted for its time; its funds are held")
    if any(one.code == Code.TOPUP_HOLD for one in story.transfers):
        return phrase("Accepted; its funds are held until it is delivered")
    return phrase("Accepted and delivered at once")


def _transfers(story: TopUpStory) -> Iterator[Step]:
    for one in story.transfers:
        debit, credit = (_account(story.labels[side]) for side in (one.debit_id, one.credit_id))
        yield Step(
            one.id,
            phrase("Ledger"),
            phrase(
                "%(what)s: %(amount)s",
                what=phrase(code_words(one.code)),
                amount=partial(micros, one.amount_micros),
            ),
            one.created_at,
            detail=[phrase("%(debit)s → %(credit)s", debit=debit, credit=credit)],
        )


def _account(label: str) -> Value:
    kind, name = account_parts(label)
    if kind and name:
        return phrase("%(kind)s, %(name)s", kind=phrase(kind), name=name)
    return phrase(kind) if kind else name


def _approval(story: TopUpStory) -> Iterator[Step]:
    asked = story.approval
    if asked is None:
        return
    by = phrase("a signed link") if asked.decided_by == BY_LINK else asked.decided_by
    yield Step(
        asked.id,
        phrase("Approval"),
        phrase("Waits for a person")
        if asked.status == "pending"
        else phrase(asked.status.capitalize()),
        asked.created_at,
        until_at=asked.decided_at,
        is_open=asked.status == "pending",
        state=asked.status,
        detail=[] if by is None else [phrase("by %(whom)s", whom=by)],
        path=f"{_D}/approvals/{asked.id}",
    )


def _supplier(one: Attempt, *, is_operator: bool) -> Step:
    detail = [word for word in (one.supplier, one.detail) if word] if is_operator else []
    return Step(
        f"supplier-{one.number}",
        phrase("Supplier"),
        counted(
            "Turn %(turn)s, asked once",
            "Turn %(turn)s, asked %(num)s times",
            one.requests_made,
            turn=one.number,
        ),
        one.requested_at,
        until_at=one.ended_at,
        is_open=one.is_open,
        state=one.outcome,
        detail=detail,
    )


def _mails(story: TopUpStory) -> Iterator[Step]:
    for one in story.mails:
        yield Step(
            one.id,
            phrase("Mail"),
            phrase("Mail to the recipient"),
            one.created_at,
            until_at=one.ended_at,
            is_open=one.ended_at is None,
            state=one.status,
            detail=[one.reason] if one.reason else [],
            path=f"{_D}/outbox/{one.id}",
        )
    if story.topup.claimed_at is not None:
        yield Step(
            "claimed",
            phrase("Recipient"),
            phrase("Opened its page"),
            story.topup.claimed_at,
            state="redeemed",
        )


def _settled(story: TopUpStory) -> Iterator[Step]:
    """Yield the outcome if it came later than the send."""
    topup = story.topup
    if topup.settled_at is None or topup.settled_at == topup.created_at:
        return
    state = "delivered" if topup.status in {"reversing", "reversed"} else topup.status
    yield Step(
        "settled",
        phrase("Outcome"),
        phrase("Ended: %(state)s", state=phrase(state)),
        topup.settled_at,
        state=state,
        detail=[topup.failure_reason] if topup.failure_reason else [],
    )


def _reversal(story: TopUpStory) -> Iterator[Step]:
    one = story.reversal
    if one is not None:
        yield Step(
            "reversal",
            phrase("Reversal"),
            phrase("Wanted back"),
            one.requested_at,
            until_at=one.ended_at,
            is_open=one.outcome is None,
            state=one.outcome or "reversing",
            detail=[word for word in (one.reason, one.detail) if word],
        )


def _event(one: StoryEvent) -> Step:
    return Step(
        one.id,
        phrase("Event"),
        one.type,
        one.created_at,
        state=one.type.partition(".")[2],
        detail=[one.id],
    )


def _delivery(one: Delivery, story: TopUpStory) -> Step:
    made = [attempt for attempt in story.outcomes if attempt.delivery_id == one.id]
    is_open = one.status in _OPEN_DELIVERIES
    due = rfc3339_ms(one.next_attempt_at) if one.next_attempt_at and made else ""
    return Step(
        one.id,
        phrase("Replay") if one.replay_of else phrase("Webhook"),
        story.urls.get(one.endpoint_id, one.endpoint_id),
        one.created_at,
        until_at=made[-1].started_at + made[-1].duration_us if made else None,
        is_open=is_open,
        state=one.status,
        detail=[phrase("next attempt %(time)s", time=due)] if due else [],
        path=f"{_D}/deliveries/{one.id}",
        depth=1,
    )


def _attempts(delivery: Delivery, story: TopUpStory) -> Iterator[Step]:
    for one in story.outcomes:
        if one.delivery_id == delivery.id:
            yield Step(
                one.id,
                phrase("Attempt"),
                phrase("Attempt %(number)s: %(answer)s", number=one.number, answer=_answer(one)),
                one.started_at,
                until_at=one.started_at + one.duration_us,
                state="succeeded" if one.error is None else "failed",
                path=f"{_D}/deliveries/{delivery.id}",
                depth=2,
            )


def _answer(one: AttemptOutcome) -> str:
    if one.http_status is not None:
        return f"HTTP {one.http_status}"
    if one.error:
        return phrase("no answer (%(error)s)", error=one.error)
    return phrase("no answer")
