"""Replays: jobs that send an endpoint's deliveries again; made, watched, paused and ended.

Making one is no act: its deliveries are counted before the transaction.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome, begun
from gateway.http.idempotency import run_once, stored_answer
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Int64, ShortText, Time, time_us, within, word_of
from store.database import Transaction
from webhooks.deliveries.stage import DELIVERED, FAILED
from webhooks.events.event import EVENT_TYPES
from webhooks.replays import asked, replay as replays
from webhooks.replays.asked import RATE_PER_S_MAX, NewReplay
from webhooks.replays.replay import Replay
from webhooks.replays.views import Replay as ReplayShape, ReplayCount

_WRITE = ("webhooks:write",)


class ReplayBody(Fields, frozen=True, kw_only=True):
    """since: from the first delivery on; until: until now. dry_run only counts."""

    since: (
        Annotated[Time, Meta(description="From this time on; left out: from the first delivery.")]
        | None
    ) = None
    until: Annotated[Time, Meta(description="Until this time; left out: until now.")] | None = None
    status: Annotated[
        ShortText, word_of((FAILED, DELIVERED)), Meta(description="Deliveries in this state.")
    ] = FAILED
    events: Annotated[
        list[Annotated[ShortText, word_of(EVENT_TYPES)]],
        Meta(max_length=100, description="Deliveries of events of these types; empty: of all."),
    ] = msgspec.field(default_factory=list)
    rate_per_s: Annotated[Int64, within(1, RATE_PER_S_MAX)] | None = None
    like: (
        Annotated[
            str,
            Meta(
                max_length=64,
                pattern=r"^dlv_[0-9A-Za-z]+\Z",
                description="The id of a failed delivery: only those that were answered as it was, so"
                " with the same status, error and words. An endpoint's health names one of each kind.",
            ),
        ]
        | None
    ) = None
    ramp: Annotated[
        bool,
        Meta(
            description="Send one first, and twice as many each time all have arrived; the first that is"
            " not taken pauses the replay."
        ),
    ] = False
    dry_run: bool = False


async def create(call: RequestContext[ReplayBody, Fields]) -> Answer:
    """202: the deliveries are queued by a worker, step by step."""
    context, principal, body, now_us = call.context, call.principal, call.body, call.now_us
    new = NewReplay(
        since_us=time_us(body.since, "since"),
        until_us=time_us(body.until, "until"),
        status=body.status,
        events=tuple(body.events),
        rate_per_s=body.rate_per_s,
        like=body.like,
        ramp=body.ramp,
    )
    # Counting may take a moment, and a repeated call need not count again.
    stored = None if body.dry_run else await stored_answer(context, call.request_key)
    if stored is not None:
        return stored
    endpoint_id = call.params["endpoint_id"]
    database, tenant = context.database, principal.tenant
    wanted = await asked.load_wanted(database, tenant, endpoint_id, new, now_us=now_us)
    matched = await asked.count(context.database, wanted)
    if body.dry_run:
        data = ReplayCount.of(wanted, new, matched=matched)
        return answer(codes.SUCCESS, data, now_us=now_us, http_status=202)

    async def work(tx: Transaction) -> Replay:
        return await replays.create(tx, wanted, new, matched=matched, now_us=now_us)

    def render(made: Replay) -> Answer:
        shown = ReplayShape.at(made, now_us)
        return answer(codes.SUCCESS, shown, now_us=now_us, http_status=202)

    return await run_once(call, work, render)


ROUTES = (
    Route(
        "POST",
        "/webhooks/{endpoint_id}/replay",
        create,
        "Send deliveries of a period again",
        _WRITE,
        body=ReplayBody,
        answers=(*begun(ReplayShape), Outcome(202, ReplayCount)),
        refuses=(codes.LIMIT_REACHED,),
    ),
)
