"""Serve MCP clients' metadata, registration (RFC 7591), tokens (RFC 6749, 7636, 8707) and revocation (RFC
7009).

Clients have no secret, so only PKCE authenticates them.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as PublicRoute

from gateway.answers.answer import Answer, plain_answer
from gateway.answers.refusals import Refusal
from gateway.authorization.addresses import (
    MCP,
    OPENID_METADATA,
    REGISTER,
    RESOURCE_METADATA,
    REVOKE,
    SERVER_METADATA,
    TOKEN,
    is_resource,
    resource_metadata,
    resource_of,
    server_metadata,
)
from gateway.docs.documents import CACHE
from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.documents import Documents, address_for
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Route
from kernel.fields import Fields, LooseFields
from kernel.limits import URL_CHARACTERS_MAX
from keys.authorization import client as mcp_client, token as mcp_token
from keys.authorization.client import AuthorizationRefused, ClientUnknown, McpClient, OAuthError
from keys.authorization.token import TokenPair
from keys.oauth.redirect import URIS_MAX
from runtime.context import Context
from store.database import Transaction
from webhooks.events.key_events import publish_key

REGISTRATIONS_PER_HOUR: Final = 20
TOKENS_PER_MINUTE: Final = 60
_REGISTRATION_BYTES_MAX: Final = 16_384
_WORDS: Final = {
    429: "temporarily_unavailable",
    503: "temporarily_unavailable",
    500: "server_error",
}

_OAUTH_WORDS: Final = frozenset(get_args(OAuthError))

_Text = Annotated[str, Meta(max_length=2048)]
_Uri = Annotated[str, Meta(max_length=URL_CHARACTERS_MAX)]


class RegistrationBody(LooseFields, frozen=True, kw_only=True):
    """The fields of a registration that are used. Clients may send others."""

    redirect_uris: Annotated[tuple[_Uri, ...], Meta(max_length=URIS_MAX + 1)] = ()
    client_name: Annotated[str, Meta(max_length=500)] | None = None
    grant_types: Annotated[list[_Text], Meta(max_length=20)] | None = None
    response_types: Annotated[list[_Text], Meta(max_length=20)] | None = None


class TokenBody(LooseFields, frozen=True, kw_only=True):
    """The form for both grant types."""

    grant_type: _Text = ""
    client_id: _Uri = ""
    code: _Text = ""
    code_verifier: _Text = ""
    redirect_uri: _Uri = ""
    refresh_token: _Text = ""
    scope: _Text | None = None
    resource: _Uri | None = None


class RevokeBody(LooseFields, frozen=True, kw_only=True):
    """The access or refresh token to revoke."""

    token: _Text = ""
    client_id: _Uri = ""


class RegisteredClient(Struct, kw_only=True):
    """A registered client, with the options that it may use."""

    client_id: str
    client_name: str
    client_id_issued_at: int
    redirect_uris: list[str]
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_method: str = "none"  # noqa: S105 - a word of RFC 7591


class TokenAnswer(Struct, kw_only=True):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a word of RFC 6750
    expires_in: int
    refresh_token: str
    scope: str


class OAuthRefusal(Struct, kw_only=True):
    """RFC 6749, 5.2."""

    error: str
    error_description: str


async def register(call: RequestContext[RegistrationBody, Fields]) -> Answer:
    """Register a client without a secret, whichever authentication method it requested."""
    body = call.body
    await take_one(
        call.context.limiter,
        f"mcp_register:{block_of(call.address)}",
        Allowance(REGISTRATIONS_PER_HOUR, 3600),
        f"{REGISTRATIONS_PER_HOUR} clients an hour are registered for one address",
    )
    if body.grant_types is not None and "authorization_code" not in body.grant_types:
        raise AuthorizationRefused(
            "invalid_client_metadata", "grant_types must have authorization_code"
        )
    if body.response_types is not None and "code" not in body.response_types:
        raise AuthorizationRefused("invalid_client_metadata", "response_types must have code")

    async def work(tx: Transaction) -> McpClient:
        return await mcp_client.register(
            tx, name=body.client_name, redirect_uris=body.redirect_uris, now_us=call.now_us
        )

    made = await call.context.database.transaction(work)
    shown = RegisteredClient(
        client_id=made.id,
        client_name=made.name,
        client_id_issued_at=call.now_us // 1_000_000,
        redirect_uris=list(made.redirect_uris),
    )
    return plain_answer(shown, http_status=201)


async def issue(call: RequestContext[TokenBody, Fields]) -> Answer:
    await _take_turn(call)
    body = call.body
    if body.grant_type not in {"authorization_code", "refresh_token"}:
        raise AuthorizationRefused(
            "unsupported_grant_type", "grant_type is authorization_code or refresh_token"
        )
    if not body.client_id:
        raise ClientUnknown("The request lacks client_id.")
    exchange = _of_code if body.grant_type == "authorization_code" else _of_refresh

    async def work(tx: Transaction) -> TokenPair | AuthorizationRefused:
        is_document = body.client_id.startswith("https://")
        if not is_document and await mcp_client.find(tx, body.client_id) is None:
            # This error tells a client whose registration expired to register again.
            raise ClientUnknown("No client has this client_id.")
        return await exchange(tx, call)

    found = await call.context.database.transaction(work)
    if isinstance(found, AuthorizationRefused):
        raise found
    tokens = TokenAnswer(
        access_token=found.access,
        expires_in=found.expires_in_s,
        refresh_token=found.refresh,
        scope=" ".join(found.scopes),
    )
    return plain_answer(tokens)


async def revoke(call: RequestContext[RevokeBody, Fields]) -> Answer:
    """Revoke a sign-in's tokens, and the key if no other tokens use it. Always return 200 (RFC 7009, section 2.2)."""
    await _take_turn(call)
    body, now_us = call.body, call.now_us
    if not body.token:
        raise AuthorizationRefused("invalid_request", "token is missing")

    async def work(tx: Transaction) -> None:
        key = await mcp_token.revoke(tx, body.token, client_id=body.client_id, now_us=now_us)
        if key is None:
            return
        await note(
            tx,
            call,
            "key.revoked",
            key.id,
            account_id=key.account_id,
            environment=key.environment,
            after={"name": key.name},
            reason="its client signed out",
        )
        await publish_key(tx, "key.revoked", key, by="client", now_us=now_us)

    await call.context.database.transaction(work)
    return Answer(200, b"{}")


async def _of_code(
    tx: Transaction, call: RequestContext[TokenBody, Fields]
) -> TokenPair | AuthorizationRefused:
    body, server = call.body, call.home
    for name in ("code", "redirect_uri", "code_verifier", "resource"):
        if not getattr(body, name):
            word: Any = "invalid_target" if name == "resource" else "invalid_request"
            raise AuthorizationRefused(word, f"{name} is missing", param=name)
    return await mcp_token.exchange(
        tx,
        call.context.mcp_sign_in.tokens,
        body.code,
        client_id=body.client_id,
        redirect_uri=body.redirect_uri,
        verifier=body.code_verifier,
        resource=_resource(body.resource, server),
        now_us=call.now_us,
    )


async def _of_refresh(
    tx: Transaction, call: RequestContext[TokenBody, Fields]
) -> TokenPair | AuthorizationRefused:
    body, server = call.body, call.home
    if not body.refresh_token:
        raise AuthorizationRefused("invalid_request", "refresh_token is missing")
    return await mcp_token.refresh(
        tx,
        call.context.mcp_sign_in.tokens,
        body.refresh_token,
        client_id=body.client_id,
        scopes=body.scope.split() if body.scope else None,
        resource=None if body.resource is None else _resource(body.resource, server),
        now_us=call.now_us,
    )


def _resource(asked: str | None, server: str) -> str:
    if asked is None or not is_resource(asked, server):
        raise AuthorizationRefused(
            "invalid_target", f"the resource here is {resource_of(server)}", param="resource"
        )
    return resource_of(server)


async def _take_turn(call: RequestContext[Any, Any]) -> None:
    await take_one(
        call.context.limiter,
        f"mcp_token:{block_of(call.address)}",
        Allowance(TOKENS_PER_MINUTE, 60),
        f"{TOKENS_PER_MINUTE} tokens a minute are given to one address",
    )


def _refuse(refusal: Refusal, _now_us: int) -> Answer:
    word = str(refusal.error.get("reason"))
    if word not in _OAUTH_WORDS:
        word = _WORDS.get(refusal.http_status, "invalid_request")
    body = OAuthRefusal(error=word, error_description=refusal.detail)
    # RFC 6749 (5.2) and RFC 7591 (3.2.2) use 400 for requests that can't be processed.
    status = 400 if refusal.http_status == 422 else refusal.http_status
    return plain_answer(body, http_status=status)


SURFACE: Final = ApiSurface(
    "",
    (
        Route(
            "POST",
            REGISTER,
            register,
            "Register an MCP client",
            body=RegistrationBody,
            body_bytes_max=_REGISTRATION_BYTES_MAX,
            is_public=True,
            takes_key=False,
        ),
        Route(
            "POST",
            TOKEN,
            issue,
            "Tokens of an MCP client",
            body=TokenBody,
            is_public=True,
            takes_key=False,
            media="form",
        ),
        Route(
            "POST",
            REVOKE,
            revoke,
            "Sign an MCP client out",
            body=RevokeBody,
            is_public=True,
            takes_key=False,
            media="form",
        ),
    ),
    _refuse,
)


_OPEN = {"access-control-allow-origin": "*"}


def metadata_routes(context: Context, documents: Documents) -> list[PublicRoute]:
    public_url = context.settings.public_url

    def route(path: str, document: Callable[[str], Mapping[str, Any]]) -> PublicRoute:
        def show(request: Request) -> Response:
            body = msgspec.json.encode(document(address_for(public_url, request)))
            return Response(body, media_type="application/json", headers={**CACHE, **_OPEN})

        return PublicRoute(path, documents.once(show), methods=["GET"])

    return [
        route(RESOURCE_METADATA + MCP, resource_metadata),
        route(RESOURCE_METADATA, resource_metadata),
        route(SERVER_METADATA, server_metadata),
        route(SERVER_METADATA + MCP, server_metadata),
        route(OPENID_METADATA, server_metadata),
    ]
