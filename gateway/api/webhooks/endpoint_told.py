"""What an endpoint's address is worth: what the security log tells of it, and when the password is due.

Promise: in live no session has codes told to an address, or told elsewhere, without the password.
"""

from typing import Any

from msgspec import UNSET, UnsetType

from gateway.http.password_again import require_password
from gateway.http.request_context import RequestContext
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import Endpoint


async def check_moved(
    call: RequestContext[Any, Any], url: str | UnsetType, *, include_codes: bool | UnsetType
) -> None:
    """For a change to this; raises PasswordRequired and NotFound."""
    if include_codes is not True and url is UNSET:
        return
    context, endpoint_id = call.context, call.params["endpoint_id"]
    found = await context.database.read(
        lambda tx: endpoints.get(tx, context.vault, call.principal.tenant, endpoint_id)
    )
    is_moved = url is not UNSET and url != found.url
    is_told = include_codes is True and not found.include_codes
    if is_told or (is_moved and found.had_codes):
        await require_password(call)


def told(endpoint: Endpoint) -> dict[str, Any]:
    """What the security log tells: without the query, which may be a receiver's secret."""
    codes_too = {"include_codes": True} if endpoint.include_codes else {}
    return {"url": endpoint.url.partition("?")[0], **codes_too}
