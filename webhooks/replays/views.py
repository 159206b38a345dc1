"""How a replay is shown."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct

from kernel.clock import rfc3339
from kernel.shaped import Shaped
from kernel.words import Count, EndpointIdText, Time, time_of
from webhooks.events.event_type import Types
from webhooks.replays import replay
from webhooks.replays.asked import NewReplay, rate_of
from webhooks.replays.match import Wanted

Like = Annotated[
    str | None,
    Meta(
        description="The failed delivery that the others were answered like; null: whatever was answered."
    ),
]


class Replay(Shaped, kw_only=True):
    """A job that sends deliveries again, at most rate_per_s a second."""

    id: Annotated[str, Meta(pattern=r"^rpl_[0-9A-Za-z]+$")]
    status: Literal["running", "paused", "done", "cancelled"]
    paused_reason: Annotated[
        Literal["failing"] | None,
        Meta(
            description="Failing: its ramp met one that was not taken. Null: a person paused it, if at all."
        ),
    ]
    matched: Count
    queued: Annotated[Count, Meta(description="How many were put in the queue so far.")]
    done: Annotated[
        Count, Meta(description="How many of those have arrived, or have failed again.")
    ]
    delivered: Annotated[Count, Meta(description="How many arrived.")]
    failed: Annotated[Count, Meta(description="How many failed again, after all their tries.")]
    rate_per_s: Count
    ramp: Annotated[bool, Meta(description="Whether it began with one, and then more.")]
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
            description="When it is done at the pace so far; null: it is not running, or it is too early to say."
        ),
    ]
    ended_at: Time | None

    @classmethod
    def at(cls, job: replay.Replay, now_us: int) -> Self:
        """Return the job as it is at that time, and which deliveries it matches."""
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
    """What a replay would match: nothing was sent."""

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
