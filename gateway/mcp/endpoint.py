"""Serve API calls as tools at /mcp, over the Model Context Protocol's Streamable HTTP.

The first authenticated request imports the SDK (25 MB).
"""

import asyncio
import gc
from collections.abc import Callable
from typing import Any, Final

from gateway.answers.answer import Answer
from gateway.answers.refusals import Refusal
from gateway.authorization.addresses import MCP, challenge
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply, Route
from gateway.http.session_cookie import ForgeryRefused, is_foreign
from gateway.mcp.message import refusal as refused
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.authenticator import InvalidCredential
from keys.principal import MCP_DEFAULT_SCOPES, MCP_SCOPES, SCOPES

PAID_PATH: Final = "/x402/mcp"
_CHALLENGE: Final = b"www-authenticate"

ReplyOf = Callable[[RequestContext[Fields, Fields]], Reply]


def surface() -> ApiSurface:
    """Return the routes. GET and DELETE are missing, because this server has no MCP sessions."""
    loaded: dict[bool, ReplyOf] = {}

    async def reply(call: RequestContext[Fields, Fields], *, is_paid: bool) -> Reply:
        if is_foreign(call.scope, call.headers, call.context.settings):
            raise ForgeryRefused("Cross-site requests can't use this credential.")
        if is_paid not in loaded:
            # Importing the SDK takes half a second, so a thread does it while other requests continue.
            loaded[is_paid] = await asyncio.to_thread(_load, is_paid=is_paid)
        return loaded[is_paid](call)

    async def paid(call: RequestContext[Fields, Fields]) -> Reply:
        if b"authorization" in call.headers:
            raise InvalidInput(
                f"This address is for calls without a key. With a key, call {MCP}.",
                param="Authorization",
            )
        return await reply(call, is_paid=True)

    async def handle(call: RequestContext[Fields, Fields]) -> Reply:
        if call.session_token is not None:
            raise InvalidCredential("Send an API key as Authorization: Bearer ak_….")
        return await reply(call, is_paid=False)

    route = Route(
        "POST",
        MCP,
        handle,
        "Tools for agents",
        scopes=SCOPES,
        takes_key=False,
        media="raw",
        is_for_paused=True,
        takes_mcp=True,
    )
    without_account = Route(
        "POST",
        PAID_PATH,
        paid,
        "Tools for payers without an account",
        is_public=True,
        takes_key=False,
        media="raw",
    )
    return ApiSurface("", (route, without_account), _refuse)


def challenges(call: RequestContext[Any, Any], refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """Return the headers that tell a refused client where to sign in and which scopes it needs (RFC 6750, RFC
    9728).

    Only a client with a token can request more scopes. A key's scopes are its owner's decision.
    """
    headers = [pair for pair in refusal.headers if pair[0] != _CHALLENGE]
    caller = call.credential
    if refusal.http_status == 401:
        more = {} if b"authorization" not in call.headers else {"error": "invalid_token"}
        value = challenge(call.home, **more, scope=" ".join(MCP_DEFAULT_SCOPES))
        headers.append((_CHALLENGE, value))
    elif caller is not None and caller.kind == "mcp" and (scopes := _missing(refusal)):
        held = [scope for scope in MCP_SCOPES if scope in caller.scopes or scope in scopes]
        value = challenge(call.home, error="insufficient_scope", scope=" ".join(held))
        headers.append((_CHALLENGE, value))
    return headers


def _missing(refusal: Refusal) -> list[str]:
    required = refusal.error.get("required_scopes", ())
    return [scope for scope in MCP_SCOPES if scope in required]


def _load(*, is_paid: bool) -> ReplyOf:
    from gateway.mcp import server  # noqa: PLC0415 see the module's docstring

    made = server.server(is_paid=is_paid)
    gc.freeze()
    return made


def _refuse(refusal: Refusal, _now_us: int) -> Answer:
    """Return an error that occurred before any tool ran, as a JSON-RPC error with our own code.

    JSON-RPC defines no codes for these errors, and leaves numbers outside its own range to applications.
    """
    code, data = refusal.code.code, {"code": refusal.code.code, **refusal.error}
    return refused(refusal.http_status, None, code, refusal.message, data)
