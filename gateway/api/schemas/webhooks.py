"""The shapes of events out: endpoints, events, deliveries with their attempts, replays, notices."""

from typing import Annotated, Any, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from billing.topups.queries import NO_KEY, SenderKey
from gateway.answers.refused import Failure
from kernel.clock import rfc3339, rfc3339_ms
from kernel.shaped import Shaped
from kernel.words import (
    Count,
    DeliveryIdText,
    EndpointIdText,
    Environment,
    EventIdText,
    EventSequence,
    KeyIdText,
    Millis,
    Time,
    TransactionId,
)
from webhooks.certification.certify import Certification
from webhooks.deliveries import log, notice as endpoint_notice
from webhooks.events.event_type import EventTypeWord


class Event(Struct, kw_only=True):
    """An event: the very body that its webhooks carry."""

    id: EventIdText
    type: EventTypeWord
    created_at: Time
    environment: Environment
    api_version: Literal["v1"]
    data: Annotated[dict[str, Any], Meta(description="By type; see the webhooks of this document.")]
    # Behind the others: readers of the CSV go by the place of a column.
    sequence: EventSequence | UnsetType = UNSET


class Delivery(Shaped, kw_only=True):
    """One event to one endpoint. next_attempt_at is null unless it is pending and waits for no other."""

    id: DeliveryIdText
    event_id: EventIdText
    event_type: EventTypeWord
    endpoint_id: EndpointIdText
    transaction_id: TransactionId | None
    status: Literal["pending", "sending", "delivered", "failed", "cancelled"]
    attempts_made: Count
    next_attempt_at: Time | None
    replay_of: DeliveryIdText | None
    created_at: Time
    key_id: Annotated[
        KeyIdText | None,
        Meta(description="That sent the top-up it tells of; null: no key, no top-up."),
    ]
    key_name: Annotated[str | None, Meta(description="What that key was called then.")]
    blocked_by: Annotated[
        DeliveryIdText | None,
        Meta(
            description="The delivery that has to end first: of an earlier event of the same object, to an"
            " `ordered` webhook; null: none."
        ),
    ]

    @classmethod
    def of(cls, delivery: log.Delivery, key: SenderKey = NO_KEY, /, **more: Any) -> Self:
        """The delivery; key: that sent its top-up."""
        return super().of(delivery, key_id=key.id, key_name=key.name, **more)


class Attempt(Shaped, kw_only=True):
    """One HTTP request to an endpoint, and what came of it.

    http_status is null when no answer came; error is null when it was taken.
    """

    id: Annotated[str, Meta(pattern=r"^att_[0-9A-Za-z]+$")]
    number: Annotated[int, Meta(ge=1, description="Which attempt it is, from 1.")]
    started_at: Millis
    duration_ms: Annotated[Count, Meta(description="How long it took, in milliseconds.")]
    http_status: Annotated[
        int | None, Meta(description="What the endpoint answered; null: no answer came.")
    ]
    error: Annotated[
        Literal["timeout", "connect", "tls", "address", "protocol", "http", "lost", "internal"]
        | None,
        Meta(description="What went wrong; null: it was taken."),
    ]
    remote_address: Annotated[
        str | None, Meta(description="Where it was sent to, address and port; null: nowhere.")
    ]
    timings_ms: Annotated[
        dict[str, int | float], Meta(description="How long each step took, in milliseconds.")
    ]
    request_headers: Annotated[dict[str, str], Meta(description="Signatures are redacted.")]
    body_sha256: Annotated[str, Meta(description="Of the body that was sent, in hex.")]
    response_body: Annotated[str, Meta(description="At most its first 4 KiB.")]

    @classmethod
    def of(cls, attempt: log.Attempt, /, **more: Any) -> Self:
        """The attempt without its reason, which is the operator's."""
        return super().of(
            attempt,
            started_at=rfc3339_ms(attempt.started_at),
            duration_ms=attempt.duration_ms,
            response_body=attempt.response_body.decode("utf-8", "replace"),
            **more,
        )


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


class DeliveryWithAttempts(Delivery, kw_only=True):
    """A delivery and every attempt at it."""

    attempts: Annotated[list[Attempt], Meta(description="Every attempt at it.")]


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
