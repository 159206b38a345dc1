"""System access tokens (sat_): make, list, revoke."""

from functools import partial
from typing import Annotated, Any

from msgspec import Meta

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, created, ok
from gateway.api.schemas.keys import AccessToken as TokenShape, CreatedToken
from gateway.http.acting import note
from gateway.http.idempotency import run_once
from gateway.http.lists import list_rows
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Page
from keys.api_keys.inputs import Name
from keys.tokens import access_token
from keys.tokens.access_token import AccessToken
from store.database import Transaction

_SCOPES = ("keys:write",)


class CreateTokenBody(Fields, frozen=True, kw_only=True):
    """A new access token."""

    name: Name = "Access token"


class DeleteTokenBody(Fields, frozen=True, kw_only=True):
    """Which token, where the path does not say it."""

    id: Annotated[
        str, Meta(max_length=64, pattern=r"^tok_[0-9A-Za-z]+\Z", description="The token's id.")
    ]


async def create(call: RequestContext[CreateTokenBody, Fields]) -> Answer:
    principal, name, now_us = call.principal, call.body.name, call.now_us

    async def work(tx: Transaction) -> tuple[AccessToken, str]:
        made, secret = await access_token.create(
            tx,
            kind="system",
            account_id=principal.account_id,
            environment=principal.environment,
            name=name,
            maker=principal,
            now_us=now_us,
        )
        await note(tx, call, "token.created", made.id, after={"name": made.name})
        return made, secret

    def render(made: tuple[AccessToken, str]) -> Answer:
        token, secret = made
        data = CreatedToken.of(token, token=secret)
        return answer(codes.SUCCESS, data, now_us=now_us, http_status=201)

    return await run_once(call, work, render, sealed=True)


async def list_tokens(call: RequestContext[Fields, Page]) -> Answer:
    principal = call.principal
    read = partial(access_token.list_tokens, tenant=principal.tenant, viewer=principal)
    return await list_rows(call, "tok", read, shape=TokenShape.of)


async def revoke(call: RequestContext[Fields, Fields]) -> Answer:
    return await _revoke(call, call.params["token_id"])


async def revoke_named(call: RequestContext[DeleteTokenBody, Fields]) -> Answer:
    return await _revoke(call, call.body.id)


async def _revoke(call: RequestContext[Any, Fields], token_id: str) -> Answer:
    principal, now_us = call.principal, call.now_us

    async def work(tx: Transaction) -> AccessToken:
        ended = await access_token.revoke(
            tx, principal.tenant, token_id, asker=principal, now_us=now_us
        )
        if ended.revoked_at == now_us:
            await note(tx, call, "token.revoked", token_id, after={"name": ended.name})
        return ended

    return await run_once(
        call, work, lambda token: answer(codes.SUCCESS, TokenShape.of(token), now_us=now_us)
    )


ROUTES = (
    Route(
        "POST",
        "/tokens",
        create,
        "Make an access token",
        _SCOPES,
        body=CreateTokenBody,
        asks_password=True,
        answers=created(CreatedToken),
        refuses=(codes.LIMIT_REACHED,),
    ),
    Route(
        "GET",
        "/tokens",
        list_tokens,
        "List access tokens",
        _SCOPES,
        query=Page,
        answers=ok(Listing[TokenShape]),
    ),
    Route(
        "DELETE",
        "/tokens",
        revoke_named,
        "Revoke the access token that the body names",
        _SCOPES,
        body=DeleteTokenBody,
        is_for_suspended=True,
        answers=ok(TokenShape),
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "DELETE",
        "/tokens/{token_id}",
        revoke,
        "Revoke an access token",
        _SCOPES,
        is_for_suspended=True,
        answers=ok(TokenShape),
    ),
)
