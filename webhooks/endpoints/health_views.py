"""How an endpoint's health is shown."""

from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from kernel.clock import rfc3339
from kernel.shaped import Shaped
from kernel.words import Count, DeliveryIdText, EndpointIdText, Time, time_of
from webhooks.deliveries.endpoint_health import EndpointHealth, FailureGroup
from webhooks.endpoints.endpoint import Endpoint

Share = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[int, Meta(ge=0, description="In milliseconds.")]


class FailureSummary(Shaped, kw_only=True):
    """Failed deliveries whose last attempt came to the same."""

    deliveries: Annotated[Count, Meta(description="How many of those that were looked at.")]
    http_status: Annotated[int | None, Meta(description="Null when no answer came.")]
    error: Annotated[str | None, Meta(description="As in an attempt, such as timeout or http.")]
    response: Annotated[
        str,
        Meta(description="The response body in one line, without numbers and IDs."),
    ]
    first_at: Time
    last_at: Time
    last_delivery_id: Annotated[
        DeliveryIdText, Meta(description="The one that failed last, to be sent again first.")
    ]

    @classmethod
    def of(cls, group: FailureGroup, /, **more: Any) -> Self:
        return super().of(group, response=group.phrase, last_delivery_id=group.newest_id, **more)


class HealthStep(Struct, kw_only=True):
    """A part of the time, by when deliveries were made."""

    at: Time
    delivered: Annotated[Count, Meta(description="How many arrived.")]
    failed: Annotated[
        Count, Meta(description="How many ended without, and did not when sent again.")
    ]


class ResponseTimes(Struct, kw_only=True):
    """How long the receiver took to answer; null where nothing was answered."""

    p50: Milliseconds | None
    p95: Milliseconds | None


class WebhookHealth(Struct, kw_only=True):
    """How an endpoint has been. since is later than asked where it had more deliveries than are looked at."""

    endpoint_id: EndpointIdText
    failing_since: Annotated[
        Time | None, Meta(description="Since when nothing has arrived; null: it is well.")
    ]
    disable_at: Annotated[
        Time | None,
        Meta(
            description="When it is disabled unless something arrives before; null: it was not warned of."
        ),
    ]
    probe_at: Annotated[
        Time | None,
        Meta(
            description="When it is asked whether it works again, while it is disabled for failing; null: it is not."
        ),
    ]
    since: Time
    until: Time
    delivered: Annotated[Count, Meta(description="How many arrived.")]
    failed: Annotated[
        Count, Meta(description="How many ended without, and did not when sent again.")
    ]
    pending: Annotated[Count, Meta(description="How many are still tried.")]
    success_rate: Annotated[Share | None, Meta(description="Of those that ended; null: none did.")]
    response_ms: Annotated[
        ResponseTimes, Meta(description="Of the last attempts that were answered at all.")
    ]
    failures: Annotated[list[FailureSummary], Meta(description="Ten at most.")]
    steps: Annotated[list[HealthStep], Meta(description="24 of equal length, the oldest first.")]

    @classmethod
    def of(
        cls,
        endpoint: Endpoint,
        health: EndpointHealth,
        *,
        disable_at: int | None,
        probe_at: int | None,
    ) -> Self:
        return cls(
            endpoint_id=endpoint.id,
            failing_since=time_of(endpoint.failing_since_at),
            disable_at=time_of(disable_at),
            probe_at=time_of(probe_at),
            since=rfc3339(health.since),
            until=rfc3339(health.until),
            delivered=health.delivered,
            failed=health.failed,
            pending=health.open,
            success_rate=health.success_share,
            response_ms=ResponseTimes(p50=health.duration_ms(0.5), p95=health.duration_ms(0.95)),
            failures=[FailureSummary.of(one) for one in health.groups],
            steps=[
                HealthStep(at=rfc3339(one.at), delivered=one.delivered, failed=one.failed)
                for one in health.steps
            ],
        )
