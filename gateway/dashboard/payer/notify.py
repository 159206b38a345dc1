"""Send the sandbox's notifications over HTTP to this gateway's own path, as the provider would."""

import logging
import ssl
from typing import Any, Final

import httpx

from billing.payments.sandbox import subscription as sandbox_subscription
from billing.payments.sandbox.subscription import SandboxSubscription
from billing.providers.protocol import Received, SandboxEvent
from gateway.http.request_context import RequestContext

NOTIFY_S_MAX: Final = 20.0
SANDBOX_ENVIRONMENT: Final = "staging"
_log = logging.getLogger(__name__)


def path_of(call: RequestContext[Any, Any], name: str) -> str | None:
    """Return where it goes; None if the provider has credentials now."""
    providers = call.context.payments.providers
    registration = providers.registration(name)
    if registration is None or not providers.is_simulated(name, SANDBOX_ENVIRONMENT):
        return None
    return registration.paths[0]


async def notify(call: RequestContext[Any, Any], name: str, sandbox_event: SandboxEvent) -> None:
    """Send it; the object's state shows whether it was accepted."""
    provider, path = (
        call.context.payments.providers.of(name, SANDBOX_ENVIRONMENT),
        path_of(call, name),
    )
    if provider is not None and path is not None:
        await _send(call, path, provider.simulate(sandbox_event))


async def carry_out(
    call: RequestContext[Any, Any],
    subscription: SandboxSubscription,
    sandbox_event: SandboxEvent,
    after: SandboxSubscription,
) -> None:
    """Send it, then record that; after a crash in between it is sent again."""
    await notify(call, subscription.provider, sandbox_event)
    await call.context.database.transaction(
        lambda tx: sandbox_subscription.note(tx, subscription, after)
    )


async def _send(call: RequestContext[Any, Any], path: str, notification: Received) -> None:
    host, port = call.scope["server"]
    # Reading all authorities takes a moment.
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx.AsyncHTTPTransport(verify=unused, uds=host if port is None else None)
    origin = "http://gateway" if port is None else f"http://{_bracketed(host)}:{port}"
    query = f"?{notification.query.decode('ascii')}" if notification.query else ""
    async with httpx.AsyncClient(transport=transport, timeout=NOTIFY_S_MAX) as client:
        try:
            answer = await client.request(
                notification.method,
                f"{origin}{path}{query}",
                headers=list(notification.headers.items()),
                content=notification.body,
            )
            status: int | str = answer.status_code
        except httpx.HTTPError as error:
            status = type(error).__name__
    fields = {"path": path, "status": status, "request_id": call.request_id.decode()}
    _log.info("sandbox.told", extra={"fields": fields})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
