"""Webhook health: how well an endpoint works, and notices of failing endpoints."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from msgspec import Meta, Struct

from kernel.clock import HOUR_US, rfc3339, time_of
from kernel.fields import Fields, Page
from kernel.shaped import Shaped
from kernel.words import Count, DeliveryIdText, EndpointIdText, Time
from keys.act import MERCHANT, ActContext, ListAct, ReadAct
from keys.vault import Vault
from store.keyset import Begin
from webhooks.deliveries import notice
from webhooks.deliveries.endpoint_health import EndpointHealth, FailureGroup, load_health
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import Endpoint
from webhooks.endpoints.probe import Probes

Share = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[int, Meta(ge=0, description="In milliseconds.")]


class FailureSummary(Shaped, kw_only=True):
    """Failed deliveries whose last attempts had the same result."""

    deliveries: Annotated[
        Count, Meta(description="The number of such deliveries among those that were read.")
    ]
    http_status: Annotated[
        int | None, Meta(description="The HTTP status; null if no response came.")
    ]
    error: Annotated[
        str | None, Meta(description="The error, as in an attempt, such as timeout or http.")
    ]
    response: Annotated[
        str,
        Meta(description="The response body in one line, without numbers and IDs."),
    ]
    first_at: Time
    last_at: Time
    last_delivery_id: Annotated[
        DeliveryIdText,
        Meta(description="The newest failed delivery; try to replay this one first."),
    ]

    @classmethod
    def of(cls, group: FailureGroup, /, **more: Any) -> Self:
        return super().of(group, response=group.phrase, last_delivery_id=group.newest_id, **more)


class HealthStep(Struct, kw_only=True):
    """One part of the period. It counts the deliveries that were created in this part."""

    at: Time
    delivered: Annotated[Count, Meta(description="Deliveries that succeeded.")]
    failed: Annotated[
        Count, Meta(description="Deliveries that failed, and whose replays did not succeed.")
    ]


class ResponseTimes(Struct, kw_only=True):
    """How long the receiver took to respond; null if it never responded."""

    p50: Milliseconds | None
    p95: Milliseconds | None


class WebhookHealth(Struct, kw_only=True):
    """An endpoint's health. If the period has too many deliveries to read, `since` is later than requested."""

    endpoint_id: EndpointIdText
    failing_since: Annotated[
        Time | None,
        Meta(description="Since when all deliveries have failed; null if the webhook works."),
    ]
    disable_at: Annotated[
        Time | None,
        Meta(
            description="When the webhook is disabled unless a delivery succeeds before; null without a warning."
        ),
    ]
    probe_at: Annotated[
        Time | None,
        Meta(description="When the disabled webhook is next probed; null if it isn't probed."),
    ]
    since: Time
    until: Time
    delivered: Annotated[Count, Meta(description="Deliveries that succeeded.")]
    failed: Annotated[
        Count, Meta(description="Deliveries that failed, and whose replays did not succeed.")
    ]
    pending: Annotated[Count, Meta(description="Deliveries that are still being tried.")]
    success_rate: Annotated[
        Share | None,
        Meta(description="The share of ended deliveries that succeeded; null if none ended."),
    ]
    response_ms: Annotated[
        ResponseTimes, Meta(description="Response times of the last attempts that got a response.")
    ]
    failures: Annotated[
        list[FailureSummary], Meta(description="Groups of similar failures, at most ten.")
    ]
    steps: Annotated[list[HealthStep], Meta(description="24 parts of equal length, oldest first.")]

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


class HealthQuery(Fields, frozen=True, kw_only=True):
    """The period to report on."""

    hours: Annotated[int, Meta(ge=1, le=168, description="The number of hours to look back.")] = 24


async def show(context: ActContext, asked: HealthQuery) -> WebhookHealth:
    tx, tenant, endpoint_id = context.tx, context.tenant, context.object_id
    found = await endpoints.get(tx, context.service(Vault), tenant, endpoint_id)
    period_us = asked.hours * HOUR_US
    health = await load_health(tx, tenant, endpoint_id, period_us=period_us, now_us=context.now_us)
    is_failing = found.status == endpoints.ENABLED and found.failing_since_at is not None
    warning = await notice.find_warning(tx, endpoint_id) if is_failing else None
    return WebhookHealth.of(
        found,
        health,
        disable_at=None if warning is None else warning.disable_at,
        probe_at=found.probe_at if context.service(Probes).are_on else None,
    )


HEALTH: Final[ReadAct[Any]] = ReadAct(
    name="webhooks.health",
    summary="Show a webhook's health",
    description=(
        "Summarizes the newest deliveries of the last hours, at most 2,000: the success rate, response times, and"
        " failures grouped by the receiver's response, most frequent first. Replay one delivery with `POST"
        " /deliveries/{delivery_id}/replay`, or those of a period with `POST /webhooks/{endpoint_id}/replay`."
    ),
    path="/webhooks/{endpoint_id}/health",
    scopes=("webhooks:read",),
    audience=(MERCHANT,),
    query=HealthQuery,
    run=show,
    result=WebhookHealth,
    examples=("topup webhooks health we_5Fxp --hours 168",),
)


class NoticesQuery(Page, frozen=True, kw_only=True):
    """Which notices."""

    open: (
        Annotated[
            bool,
            Meta(description="true: only open notices. false: only ended ones. Omitted: both."),
        ]
        | None
    ) = None


class Notice(Shaped, kw_only=True):
    """A notice that an endpoint is failing, or was disabled for failing. ended_at is null until the notice ends."""

    id: Annotated[str, Meta(pattern=r"^ntc_[0-9A-Za-z]+$")]
    endpoint_id: EndpointIdText
    url: Annotated[str, Meta(description="The webhook's URL.")]
    stage: Annotated[
        str,
        Meta(
            description="The stage: failing, failing_for_a_day, failing_for_four_days or disabled."
        ),
    ]
    reason: Annotated[
        str | None, Meta(description="Why the webhook was disabled; null if unknown.")
    ]
    failing_since: Time
    created_at: Time
    ended_at: Time | None
    disable_at: Annotated[
        Time | None,
        Meta(
            description="For failing_for_four_days: when the webhook is disabled unless a delivery succeeds before."
        ),
    ]

    @classmethod
    def of(cls, found: notice.Notice, /, **more: Any) -> Self:
        return super().of(found, failing_since=rfc3339(found.failing_since_at), **more)


async def list_notices(
    context: ActContext, asked: NoticesQuery, begin: Begin, limit: int
) -> Sequence[notice.Notice]:
    return await notice.list_notices(
        context.tx, tenant=context.tenant, is_open=asked.open, before_id=begin, limit=limit
    )


NOTICES: Final[ListAct[Any, Any]] = ListAct(
    name="webhooks.notices",
    summary="List notices of failing webhooks",
    path="/notices",
    scopes=("webhooks:read",),
    audience=(MERCHANT,),
    query=NoticesQuery,
    run=list_notices,
    result=Notice,
    prefix="ntc",
    columns=("id", "endpoint_id", "stage", "url", "created_at", "ended_at"),
    examples=("topup webhooks notices --open",),
)
ACTS: Final = (HEALTH, NOTICES)
