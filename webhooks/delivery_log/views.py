"""What is shown of a delivery and of its attempts."""

from typing import Annotated, Any, Literal, Self

from msgspec import UNSET, Meta, UnsetType

from kernel.clock import rfc3339_ms
from kernel.shaped import Shaped
from kernel.words import (
    Count,
    DeliveryIdText,
    EndpointIdText,
    EventIdText,
    KeyIdText,
    Millis,
    Time,
    TransactionId,
)
from webhooks.deliveries import log
from webhooks.events.event_type import EventTypeWord


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
    reason: (
        Annotated[
            str | None,
            Meta(description="Why, as only operators are told: it may name what is inside."),
        ]
        | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, attempt: log.Attempt, /, **more: Any) -> Self:
        """Leave out its reason unless more has it."""
        return super().of(
            attempt,
            started_at=rfc3339_ms(attempt.started_at),
            duration_ms=attempt.duration_ms,
            response_body=attempt.response_body.decode("utf-8", "replace"),
            **more,
        )


class DeliveryWithAttempts(Delivery, kw_only=True):
    """A delivery and every attempt at it."""

    attempts: Annotated[list[Attempt], Meta(description="Every attempt at it.")]
