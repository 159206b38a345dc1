"""What an endpoint's address is worth: what the security log tells of it, and when the password is due.

Promise: in live no session has codes or deciding links told to an address, or told elsewhere, without the
password.
"""

from typing import Any, Final

from msgspec import UNSET

from gateway.api.bodies.webhook_body import WebhooksPatchBody
from gateway.http.password_again import require_password
from gateway.http.request_context import RequestContext
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import Endpoint

_TOLD: Final = ("include_codes", "include_approval_links")


async def check_moved(call: RequestContext[Any, Any], body: WebhooksPatchBody) -> None:
    """For a change to this; raises PasswordRequired and NotFound."""
    is_told = body.include_codes is True or body.include_approval_links is True
    if not is_told and body.url is UNSET:
        return
    context, endpoint_id = call.context, call.params["endpoint_id"]
    found = await context.database.read(
        lambda tx: endpoints.get(tx, context.vault, call.principal.tenant, endpoint_id)
    )
    is_moved = body.url is not UNSET and body.url != found.url
    if (
        (body.include_codes is True and not found.include_codes)
        or (body.include_approval_links is True and not found.include_approval_links)
        or (is_moved and (found.had_codes or found.had_approval_links))
    ):
        await require_password(call)


def audited_status(endpoint: Endpoint) -> dict[str, Any]:
    """Whether it is sent to, and why not."""
    if endpoint.disabled_reason is None:
        return {"status": endpoint.status}
    return {"status": endpoint.status, "disabled_reason": endpoint.disabled_reason}


def audited(endpoint: Endpoint) -> dict[str, Any]:
    """What the security log tells: without the query, which may be a receiver's secret."""
    told = {name: True for name in _TOLD if getattr(endpoint, name)}
    if endpoint.public_key is not None:
        told["ed25519"] = True
    return {"url": endpoint.url.partition("?")[0], **told}
