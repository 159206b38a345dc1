"""Replays: create, list, show, pause, resume and cancel jobs that send deliveries again."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct

from kernel.clock import rfc3339, time_of
from kernel.errors import NotFound
from kernel.fields import (
    ExportPage,
    Fields,
    Int64,
    ShortText,
    Time as TimeText,
    time_us,
    within,
    word_of,
)
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import Count, EndpointIdText, Time
from keys.act import Act, ActContext, Audited, CallContext, Change, ListAct, ReadAct
from store.database import Database, Transaction
from store.keyset import Begin
from webhooks.deliveries.stage import DELIVERED, FAILED
from webhooks.events.event import EVENT_TYPES, Types
from webhooks.replays import replay, replay as replays
from webhooks.replays.replay import (
    RATE_PER_S_MAX,
    NewReplay,
    ReplayEnded,
    ReplayOverlaps,
    Wanted,
    count_wanted,
    load_wanted,
    rate_of,
)

Like = Annotated[
    str | None,
    Meta(
        description="The failed delivery whose response the others share; null means any response."
    ),
]
_READ: Final = ("webhooks:read",)
_WRITE: Final = ("webhooks:write",)
_ENDPOINT_OWNER: Final = "SELECT account_id, environment FROM endpoints WHERE id = :id"
_OWNER: Final = "SELECT account_id, environment FROM replays WHERE id = :id"


class Replay(Shaped, kw_only=True):
    """A job that sends deliveries again. It sends at most rate_per_s per second."""

    id: Annotated[str, Meta(pattern=r"^rpl_[0-9A-Za-z]+$")]
    status: Literal["running", "paused", "done", "cancelled"]
    paused_reason: Annotated[
        Literal["failing"] | None,
        Meta(
            description="failing: the ramp met a failed delivery. Null if a user paused the replay, or if it isn't paused."
        ),
    ]
    matched: Count
    queued: Annotated[Count, Meta(description="Deliveries queued so far.")]
    done: Annotated[Count, Meta(description="Queued deliveries that have succeeded or failed.")]
    delivered: Annotated[Count, Meta(description="Deliveries that succeeded.")]
    failed: Annotated[Count, Meta(description="Deliveries that failed again after all attempts.")]
    rate_per_s: Count
    ramp: Annotated[
        bool, Meta(description="Whether the replay starts with one delivery and grows.")
    ]
    endpoint_id: EndpointIdText
    delivery_status: str
    events: Types
    like: Like
    since: Time
    until: Time
    created_at: Time
    expected_end_at: Annotated[
        Time | None,
        Meta(
            description="The estimated end at the current rate; null if the replay isn't running or it is too early to tell."
        ),
    ]
    ended_at: Time | None

    @classmethod
    def at(cls, job: replay.Replay, now_us: int) -> Self:
        done, failed = job.done or 0, job.failed or 0
        return cls.of(
            job,
            **filter_of(job.wanted),
            like=job.like_id,
            ramp=job.ramp_at is not None,
            delivered=done - failed,
            expected_end_at=time_of(job.expected_end_us(now_us)),
        )


class ReplayCount(Struct, kw_only=True):
    """The number of deliveries that a replay would send. A dry run sends nothing."""

    dry_run: bool
    matched: Count
    rate_per_s: Count
    endpoint_id: EndpointIdText
    delivery_status: str
    events: Types
    like: Like
    since: Time
    until: Time

    @classmethod
    def of(cls, wanted: Wanted, new: NewReplay, *, matched: int) -> "ReplayCount":
        rate = rate_of(new)
        return cls(
            dry_run=True, matched=matched, rate_per_s=rate, like=new.like, **filter_of(wanted)
        )


def filter_of(wanted: Wanted) -> dict[str, Any]:
    return {
        "endpoint_id": wanted.endpoint_id,
        "delivery_status": wanted.status,
        "events": list(wanted.event_types),
        "since": rfc3339(wanted.since_us),
        "until": rfc3339(wanted.until_us),
    }


async def _owner(statement: str, kind: str, tx: Transaction, object_id: str) -> Tenant:
    row = await tx.fetch_one(statement, id=object_id)
    if row is None:
        raise NotFound(kind, param="id")
    return Tenant(row["account_id"], row["environment"])


owner_of: Final = partial(_owner, _OWNER, "Replay")


class ReplayBody(Fields, frozen=True, kw_only=True):
    """Which deliveries to replay, and how many per second."""

    since: (
        Annotated[
            TimeText, Meta(description="The start of the period; by default, the first delivery.")
        ]
        | None
    ) = None
    until: (
        Annotated[TimeText, Meta(description="The end of the period; by default, now.")] | None
    ) = None
    status: Annotated[
        ShortText,
        word_of((FAILED, DELIVERED)),
        Meta(description="The state of the deliveries to replay."),
    ] = FAILED
    events: Annotated[
        list[Annotated[ShortText, word_of(EVENT_TYPES)]],
        Meta(max_length=100, description="The event types to replay; empty means all."),
    ] = msgspec.field(default_factory=list)
    rate_per_s: (
        Annotated[
            Int64,
            within(1, RATE_PER_S_MAX),
            Meta(description="The maximum number of deliveries per second; by default 50."),
        ]
        | None
    ) = None
    like: (
        Annotated[
            str,
            Meta(
                max_length=64,
                pattern=r"^dlv_[0-9A-Za-z]+\Z",
                description="The ID of a failed delivery: only replay deliveries with the same HTTP status, error and"
                " response text. A webhook's health names one delivery of each group.",
            ),
        ]
        | None
    ) = None
    ramp: Annotated[
        bool,
        Meta(
            description="Start with one delivery, and double the number each time all have succeeded. The first failure"
            " pauses the replay."
        ),
    ] = False
    dry_run: Annotated[bool, Meta(description="Count the deliveries without sending them.")] = False


async def count_asked(
    context: CallContext, asked: ReplayBody, database: Database
) -> tuple[NewReplay, Wanted, int]:
    new = NewReplay(
        since_us=time_us(asked.since, "since"),
        until_us=time_us(asked.until, "until"),
        status=asked.status,
        events=tuple(asked.events),
        rate_per_s=asked.rate_per_s,
        like=asked.like,
        ramp=asked.ramp,
    )
    tenant, now_us = context.tenant, context.now_us
    wanted = await load_wanted(database, tenant, context.object_id, new, now_us=now_us)
    return new, wanted, await count_wanted(database, wanted)


async def create(context: ActContext, asked: ReplayBody) -> Change[Replay | ReplayCount]:
    """Create the job. If dry_run is set, only return the count."""
    new, wanted, matched = context.prepared
    if asked.dry_run:
        found = ReplayCount.of(wanted, new, matched=matched)
        return Change(before=found, after=found)
    made = await replays.create(context.tx, wanted, new, matched=matched, now_us=context.now_us)
    return Change(after=Replay.at(made, context.now_us))


async def list_replays(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[Replay]:
    found = await replays.list_replays(context.tx, context.tenant, before_id=begin, limit=limit)
    return [Replay.at(one, context.now_us) for one in found]


async def show(context: ActContext) -> Replay:
    found = await replays.get(context.tx, context.tenant, context.object_id)
    return Replay.at(found, context.now_us)


async def pause(context: ActContext, _asked: Fields) -> Change[Replay]:
    before = await show(context)
    changed = await replays.pause(context.tx, context.tenant, context.object_id)
    return _changed(context, before, changed)


async def resume(context: ActContext, _asked: Fields) -> Change[Replay]:
    before = await show(context)
    changed = await replays.resume(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )
    return _changed(context, before, changed)


async def cancel(context: ActContext, _asked: Fields) -> Change[Replay]:
    before = await show(context)
    changed = await replays.cancel(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )
    return _changed(context, before, changed)


def _changed(context: ActContext, before: Replay, changed: replays.Replay) -> Change[Replay]:
    after = Replay.at(changed, context.now_us)
    # Only a new status is recorded as a change, because the counts change on their own.
    return Change(before=after if before.status == after.status else before, after=after)


def _status(view: Replay) -> Mapping[str, Any]:
    return {"status": view.status}


def _begun(view: Replay) -> Mapping[str, Any]:
    return {"endpoint_id": view.endpoint_id, "matched": view.matched}


def _as_is(view: Any) -> Any:
    return view


CREATE: Final = Act[ReplayBody, Any](
    name="replay.create",
    summary="Send deliveries of a period again",
    path="/webhooks/{endpoint_id}/replay",
    scopes=_WRITE,
    input=ReplayBody,
    prepare=count_asked,
    run=create,
    named_by="endpoint_id",
    audit=Audited("replay.created", _begun),
    view=_as_is,
    result=Replay,
    dry=ReplayCount,
    status=202,
    owner_of=partial(_owner, _ENDPOINT_OWNER, "Webhook"),
    refuses=(ReplayOverlaps,),
    examples=(
        "topup replay create we_9Xc2 --since 2026-06-13T00:00:00Z --dry-run",
        "topup replay create we_9Xc2 --status delivered --rate-per-s 20",
    ),
)
LIST: Final[ListAct[Any, Any]] = ListAct(
    name="replay.list",
    summary="List replays",
    path="/replays",
    scopes=_READ,
    query=ExportPage,
    run=list_replays,
    result=Replay,
    prefix="rpl",
    export=Replay.__struct_fields__,
    columns=("id", "endpoint_id", "status", "matched", "done", "failed", "created_at"),
    examples=("topup replay list",),
)
SHOW: Final = ReadAct(
    name="replay.show",
    summary="Show a replay",
    path="/replays/{replay_id}",
    scopes=_READ,
    run=show,
    result=Replay,
    owner_of=owner_of,
    examples=("topup replay show rpl_6Tt3",),
)
_STEERING: Final[dict[str, Any]] = {
    "scopes": _WRITE,
    "input": Fields,
    "result": Replay,
    "owner_of": owner_of,
    "refuses": (ReplayEnded,),
}
PAUSE: Final = Act(
    name="replay.pause",
    undo="replay.resume",
    summary="Pause a replay",
    path="/replays/{replay_id}/pause",
    run=pause,
    audit=Audited("replay.paused", _status),
    examples=("topup replay pause rpl_6Tt3",),
    **_STEERING,
)
RESUME: Final = Act(
    name="replay.resume",
    undo="replay.pause",
    summary="Resume a replay",
    path="/replays/{replay_id}/resume",
    run=resume,
    audit=Audited("replay.resumed", _status),
    examples=("topup replay resume rpl_6Tt3",),
    **_STEERING,
)
CANCEL: Final = Act(
    name="replay.cancel",
    summary="Cancel a replay",
    path="/replays/{replay_id}/cancel",
    run=cancel,
    audit=Audited("replay.cancelled", _status),
    examples=("topup replay cancel rpl_6Tt3",),
    **_STEERING,
)
ACTS: Final = (CREATE, LIST, SHOW, PAUSE, RESUME, CANCEL)
