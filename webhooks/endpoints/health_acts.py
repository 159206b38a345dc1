"""An endpoint's health: what share of its deliveries arrived, how fast it answered, what it says when it fails."""

from typing import Annotated, Any, Final

from msgspec import Meta

from kernel.clock import HOUR_US
from kernel.fields import Fields
from keys.act import MERCHANT, ActContext, ReadAct
from keys.vault import Vault
from webhooks.deliveries import notice
from webhooks.deliveries.endpoint_health import load_health
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.health_views import WebhookHealth
from webhooks.endpoints.probe import Probes


class HealthQuery(Fields, frozen=True, kw_only=True):
    """How far back to look."""

    hours: Annotated[int, Meta(ge=1, le=168, description="How many hours to look back.")] = 24


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
        "Of the newest deliveries of the last hours, 2,000 at most: the share that arrived, how long"
        " answers took, and the failures put together by what the receiver answered, the most"
        " frequent first. Send one of a group again by `POST /deliveries/{delivery_id}/replay`, all"
        " of a time by `POST /webhooks/{endpoint_id}/replay`."
    ),
    path="/webhooks/{endpoint_id}/health",
    scopes=("webhooks:read",),
    audience=(MERCHANT,),
    query=HealthQuery,
    run=show,
    result=WebhookHealth,
    examples=("topup webhooks health we_5Fxp --hours 168",),
)
ACTS: Final = (HEALTH,)
