"""Check an MCP client's request for access (RFC 6749 4.1.1), before the person sees it.

The person is signed in already, so that no stranger makes us fetch a client's document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.authorization.addresses import is_resource, resource_of
from gateway.html.forms import Form
from gateway.http.outbound_limits import pace_target
from gateway.http.request_context import RequestContext
from kernel.errors import InvalidInput
from keys.authorization import client as mcp_client
from keys.authorization.client import (
    McpClient,
    OAuthError,
    destination,
    is_on_device,
    is_registered,
    with_answer,
)
from keys.oauth.grant import is_challenge
from keys.principal import MCP_DEFAULT_SCOPES, MCP_SCOPES

STATE_CHARACTERS_MAX: Final = 2048
ASKED: Final = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
)


@dataclass(frozen=True, slots=True)
class McpRequest:
    """A request of a known client, the scopes that it may get, and an error to report to it, if
    any.
    """

    client: McpClient
    redirect_uri: str
    state: str | None
    challenge: str
    scopes: Sequence[str]
    issuer: str
    fault: OAuthError | None

    @property
    def resource(self) -> str:
        return resource_of(self.issuer)

    @property
    def lands_on(self) -> str:
        return destination(self.redirect_uri)

    @property
    def lands_on_device(self) -> bool:
        return is_on_device(self.redirect_uri)

    def landing(self, code: str) -> str:
        answer = [("code", code), ("state", self.state), ("iss", self.issuer)]
        return with_answer(self.redirect_uri, answer)

    def denial(self, error: OAuthError) -> str:
        answer = [("error", error), ("state", self.state), ("iss", self.issuer)]
        return with_answer(self.redirect_uri, answer)


async def read_request(call: RequestContext[Any, Any], form: Form) -> McpRequest:
    """Raise InvalidInput and AuthorizationRefused if the client can't be notified, and RateLimited."""
    client_id, redirect_uri = _only(form, "client_id"), _only(form, "redirect_uri")
    state = _only(form, "state")
    if len(state) > STATE_CHARACTERS_MAX:
        raise InvalidInput(
            f"`state` has at most {STATE_CHARACTERS_MAX} characters. Send a shorter one.",
            param="state",
        )
    client = await _client(call, client_id)
    if not is_registered(redirect_uri, client.redirect_uris):
        raise InvalidInput("The client hasn't registered this redirect_uri.", param="redirect_uri")
    issuer = call.home
    asked = form.raw("scope").split()
    scopes = [scope for scope in MCP_SCOPES if scope in (asked or MCP_DEFAULT_SCOPES)]
    return McpRequest(
        client,
        redirect_uri,
        state or None,
        form.raw("code_challenge"),
        scopes,
        issuer,
        _fault(form, scopes, issuer),
    )


async def _client(call: RequestContext[Any, Any], client_id: str) -> McpClient:
    context = call.context
    if client_id.startswith("https://"):
        found = context.mcp_sign_in.documents.find_now(client_id)
        if found is not None:
            return found
        await pace_target(context.limiter, call.principal)
        return await context.mcp_sign_in.documents.fetch(
            client_id, account_id=call.principal.account_id
        )
    registered = await context.database.read(lambda tx: mcp_client.find(tx, client_id))
    if registered is None:
        raise InvalidInput(
            "No client has this client_id. It may have been deleted: connect again from "
            "the client.",
            param="client_id",
        )
    return registered


def _only(form: Form, name: str) -> str:
    values = form.many(name)
    if len(values) > 1:
        raise InvalidInput("This parameter is given more than once.", param=name)
    return values[0] if values else ""


def _fault(form: Form, scopes: Sequence[str], issuer: str) -> OAuthError | None:
    if any(len(form.many(name)) > 1 for name in ASKED):
        return "invalid_request"
    if form.raw("response_type") != "code":
        return "unsupported_response_type"
    if form.raw("code_challenge_method") != "S256" or not is_challenge(form.raw("code_challenge")):
        return "invalid_request"
    if not is_resource(form.raw("resource"), issuer):
        return "invalid_target"
    return None if scopes else "invalid_scope"
