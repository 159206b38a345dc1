"""Check an MCP client's authorization request before the user sees it, and apply the user's consent (RFC 6749, 4.1.1).

The user is already signed in, so strangers can't make the gateway fetch a client's document.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.authorization.addresses import is_resource, resource_of
from gateway.html.forms import Form
from gateway.http.acting import enter, note
from gateway.http.rate_limit import pace_target
from gateway.http.request_context import RequestContext
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.api_keys.views import audited
from keys.authorization import client as mcp_client, grant as mcp_grant
from keys.authorization.client import (
    McpClient,
    OAuthError,
    destination,
    is_on_device,
    is_registered,
    with_answer,
)
from keys.oauth.grant import is_challenge
from keys.principal import ENVIRONMENTS, MCP_DEFAULT_SCOPES, MCP_SCOPES, Environment
from store.database import Transaction
from webhooks.events.key_events import publish_key

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
    """A known client's request, with the scopes that it may get and any error to send to the client."""

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
    """Parse the request. If the client can't be notified of an error, raise InvalidInput or
    AuthorizationRefused.
    """
    client_id, redirect_uri = _only(form, "client_id"), _only(form, "redirect_uri")
    state = _only(form, "state")
    if len(state) > STATE_CHARACTERS_MAX:
        raise InvalidInput(
            f"`state` can have at most {STATE_CHARACTERS_MAX} characters. Send a shorter one.",
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
            "No client has this client_id. It may have been deleted. Connect again from "
            "the client.",
            param="client_id",
        )
    return registered


def _only(form: Form, name: str) -> str:
    values = form.many(name)
    if len(values) > 1:
        raise InvalidInput("This parameter can be given only once.", param=name)
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


async def allow(
    call: RequestContext[Any, Any], asked: McpRequest, environment: Environment, limits: NewKey
) -> str:
    """Create the key, the grant and the code in one transaction, and return the code."""
    asker = replace(call.principal, environment=environment)

    async def work(tx: Transaction) -> str:
        await lock_tenants(tx, [asker.tenant])
        await enter(tx, call, environment)
        grant, key, is_new = await mcp_grant.make_or_renew(
            tx,
            asker=asker,
            client=asked.client,
            limits=limits,
            resource=asked.resource,
            now_us=call.now_us,
        )
        action = "key.created" if is_new else "key.changed"
        after = {"client": asked.client.name, "client_id": asked.client.id, **audited(key)}
        await note(tx, call, action, key.id, environment=environment, after=after)
        if is_new:
            by = call.principal.credential_id
            await publish_key(tx, "key.created", key, by=by, now_us=call.now_us)
        return await mcp_grant.issue_code(
            tx,
            grant,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            session_id=call.principal.credential_id,
            now_us=call.now_us,
        )

    return await call.context.database.transaction(work)


async def connected_key(call: RequestContext[Any, Any], client: McpClient) -> ApiKey | None:
    """Return the key that the client already uses. A live key takes precedence over a staging key."""

    async def read(tx: Transaction) -> ApiKey | None:
        for environment in reversed(ENVIRONMENTS):
            tenant = Tenant(call.principal.account_id, environment)
            found = await mcp_grant.find_usable(tx, tenant, client.id, now_us=call.now_us)
            if found is not None:
                return found[1]
        return None

    return await call.context.database.read(read)
