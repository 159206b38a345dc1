"""An endpoint's health: what share of its deliveries arrived, how fast it answered, what it says when it fails."""

from typing import Annotated, Final

from msgspec import Meta

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.endpoint_health import WebhookHealth
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import HOUR_US
from kernel.fields import Fields
from store.database import Transaction
from webhooks.deliveries import notice
from webhooks.deliveries.endpoint_health import load_health
from webhooks.endpoints import endpoint as endpoints

HOURS_MAX: Final = 168


class HealthQuery(Fields, frozen=True, kw_only=True):
    """How far back to look."""

    hours: Annotated[int, Meta(ge=1, le=HOURS_MAX, description="How many hours to look back.")] = 24


async def show(call: RequestContext[Fields, HealthQuery]) -> Answer:
    """The last hours of one endpoint."""
    tenant, endpoint_id = call.principal.tenant, call.params["endpoint_id"]
    period_us = call.query.hours * HOUR_US

    async def work(tx: Transaction) -> WebhookHealth:
        found = await endpoints.get(tx, call.context.vault, tenant, endpoint_id)
        health = await load_health(tx, tenant, endpoint_id, period_us=period_us, now_us=call.now_us)
        is_failing = found.status == endpoints.ENABLED and found.failing_since_at is not None
        warning = await notice.find_warning(tx, endpoint_id) if is_failing else None
        return WebhookHealth.of(
            found,
            health,
            disable_at=None if warning is None else warning.disable_at,
            probe_at=found.probe_at if call.context.settings.webhook_probe else None,
        )

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/webhooks/{endpoint_id}/health",
        show,
        "Show a webhook's health",
        ("webhooks:read",),
        query=HealthQuery,
        description=(
            "Of the newest deliveries of the last hours, 2,000 at most: the share that arrived, how long"
            " answers took, and the failures put together by what the receiver answered, the most"
            " frequent first. Send one of a group again by `POST /deliveries/{delivery_id}/replay`, all"
            " of a time by `POST /webhooks/{endpoint_id}/replay`."
        ),
        answers=ok(WebhookHealth),
    ),
)
