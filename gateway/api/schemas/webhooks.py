"""The shapes of events out: endpoints, events, deliveries with their attempts, replays, notices."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct

from gateway.answers.refused import Failure
from kernel.clock import rfc3339
from kernel.shaped import Shaped
from kernel.words import (
    Count,
    EndpointIdText,
    Time,
)
from webhooks.certification.certify import Certification
from webhooks.deliveries import notice as endpoint_notice
from webhooks.delivery_log.views import Attempt


class FailedTest(Struct, kw_only=True):
    """A sample event that the endpoint did not take, and the attempt."""

    error: Annotated[Failure, Meta(description="What is wrong.")]
    attempt: Annotated[Attempt, Meta(description="What was sent and what came back.")]


class CertificationCheck(Shaped, kw_only=True):
    """One check of a receiver."""

    name: Annotated[str, Meta(description="Its name, which stays.")]
    title: Annotated[str, Meta(description="What it is about, in a few words.")]
    verdict: Annotated[
        Literal["passed", "warned", "failed", "not_seen", "skipped"],
        Meta(description="not_seen: nobody says what the receiver did; skipped: not reached."),
    ]
    impact: Annotated[
        Literal["lost", "twice", "forged"] | None,
        Meta(
            description="What a failed check leads to: an event is lost, done twice, or believed."
        ),
    ]
    detail: Annotated[str, Meta(description="What was seen, and what to change.")]


class CertificationCounts(Struct, kw_only=True):
    """How many checks had each verdict."""

    passed: Annotated[Count, Meta(description="As it should be.")]
    warned: Annotated[Count, Meta(description="Nothing is lost by it, but it is no good answer.")]
    failed: Annotated[
        Count, Meta(description="An event is lost, done twice, or a forgery believed.")
    ]
    not_seen: Annotated[Count, Meta(description="Nobody says what the receiver did.")]
    skipped: Annotated[Count, Meta(description="Not reached.")]


class CertifiedReceiver(Struct, kw_only=True):
    """What a receiver would lose, do twice or believe."""

    endpoint_id: EndpointIdText
    url: Annotated[str, Meta(description="Where the requests were sent.")]
    certified: Annotated[bool, Meta(description="Nothing failed, and all of it was seen.")]
    counts: Annotated[CertificationCounts, Meta(description="How many checks had each verdict.")]
    checks: Annotated[list[CertificationCheck], Meta(description="Each check, as it was done.")]

    @classmethod
    def of(cls, endpoint_id: str, run: Certification) -> Self:
        """The whole run."""
        return cls(
            endpoint_id=endpoint_id,
            url=run.url,
            certified=run.is_certified,
            counts=CertificationCounts(**run.counts),
            checks=[CertificationCheck.of(result) for result in run.checks],
        )


class Finding(Struct, kw_only=True):
    """One thing that is wrong with a received webhook."""

    part: Annotated[
        Literal["secret", "public_key", "timestamp", "bytes", "header"],
        Meta(description="What is wrong with it."),
    ]
    header: Annotated[str | None, Meta(description="The header that it is about; null: none.")]
    detail: Annotated[str, Meta(description="In words for people.")]


class Verification(Struct, kw_only=True):
    """valid where nothing is wrong."""

    valid: Annotated[bool, Meta(description="Whether nothing is wrong.")]
    findings: Annotated[list[Finding], Meta(description="All that is wrong.")]


class Notice(Shaped, kw_only=True):
    """That an endpoint keeps failing, or was disabled for it; ended_at is null while it goes on."""

    id: Annotated[str, Meta(pattern=r"^ntc_[0-9A-Za-z]+$")]
    endpoint_id: EndpointIdText
    url: Annotated[str, Meta(description="The endpoint's address.")]
    stage: Annotated[
        str,
        Meta(
            description="How far it has come: failing, failing_for_a_day, failing_for_four_days, disabled."
        ),
    ]
    reason: Annotated[str | None, Meta(description="What went wrong; null: not known.")]
    failing_since: Time
    created_at: Time
    ended_at: Time | None
    disable_at: Annotated[
        Time | None,
        Meta(
            description="Of failing_for_four_days: when it is disabled unless something arrives before."
        ),
    ]

    @classmethod
    def of(cls, notice: endpoint_notice.Notice, /, **more: Any) -> Self:
        """failing_since, which is older than the rule that a time's name ends in _at, by hand."""
        return super().of(notice, failing_since=rfc3339(notice.failing_since_at), **more)
