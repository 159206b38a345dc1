"""Receive payment providers' notifications, at one path per registered provider.

The response is sent after everything in the notification has been committed. Forged or unreadable notifications
store nothing, so a stranger can't fill the table.
"""

import logging
from functools import partial

import msgspec
from starlette.responses import Response

from billing.payments.payments import NoWebhookSecret
from billing.providers.protocol import Acknowledgement, NotificationRefused, Received, Registration
from billing.providers.registry import Providers
from gateway.answers.outcome import JSON, Outcome
from gateway.answers.refusals import Refusal
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply, Route
from kernel.fields import Fields, LooseFields

_NO_STORE = {"cache-control": "no-store"}
_UNREADABLE = 400
_OF_ANOTHER = 409
_REFUSALS = (_UNREADABLE, 401, _OF_ANOTHER, 503)
_TOLD = (
    "For the provider alone: it is signed under a secret of the provider's, in the provider's own form."
    " Enter this address at the provider."
)
_log = logging.getLogger(__name__)


def surfaces(providers: Providers) -> tuple[ApiSurface, ...]:
    found = [providers.registration(name) for name in providers.names()]
    return tuple(_surface(one) for one in found if one is not None)


def _surface(registration: Registration) -> ApiSurface:
    async def hear(call: RequestContext[Fields, Fields]) -> Reply:
        return await _hear(registration, call)

    accepted = Outcome(200, None, media_types=(registration.accepted.media_type,))
    refused = (registration.refused.media_type,)
    refusals = [Outcome(status, None, media_types=refused) for status in _REFUSALS]
    routes = tuple(
        Route(
            method,
            path,
            hear,
            f"Notifications of {registration.label or registration.name}",
            query=LooseFields,
            is_public=True,
            takes_key=False,
            media="raw",
            description=_TOLD,
            answers=(accepted, *refusals),
        )
        for path in registration.paths
        for method in registration.methods
    )
    return ApiSurface("", routes, partial(_refuse, registration.refused))


async def _hear(registration: Registration, call: RequestContext[Fields, Fields]) -> Reply:
    name, count = registration.name, call.context.metrics.notifications
    received = Received(call.method, call.headers, call.scope["query_string"], call.raw)
    try:
        heard = await call.context.payments.notified(name, received)
    except (NotificationRefused, NoWebhookSecret) as error:
        outcome = error.reason or "no_secret"
        count.labels(name, outcome).inc()
        fields = {
            "provider": name,
            "reason": outcome,
            "request_id": call.request_id.decode(),
            "address": str(call.address),
        }
        _log.warning("payment.not_believed", extra={"fields": fields})
        raise
    count.labels(name, heard.outcome).inc()
    if heard.outcome == "refused":
        detail = "the order is another provider's or of the other environment"
        return _said(registration.refused, _OF_ANOTHER, detail)
    return _said(registration.accepted, 200)


def _refuse(acknowledgement: Acknowledgement, refusal: Refusal, _now_us: int) -> Reply:
    is_unreadable = refusal.error.get("reason") == "form"
    status = _UNREADABLE if is_unreadable else refusal.http_status
    return _said(acknowledgement, status, refusal.detail)


def _said(acknowledgement: Acknowledgement, status: int, detail: str | None = None) -> Response:
    body = acknowledgement.body
    if detail is not None and acknowledgement.media_type == JSON:
        body = msgspec.json.encode({**msgspec.json.decode(body, type=dict), "detail": detail})
    return Response(body, status, media_type=acknowledgement.media_type, headers=_NO_STORE)
