"""Publish webhook endpoints' public keys by endpoint ID. Receivers must trust only their own endpoint's keys."""

import re
from typing import Any, Final

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answers import envelope
from gateway.docs.documents import CACHE
from gateway.http.auth import block_of
from gateway.http.errors import refusal_of
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.repair import repaired
from kernel.clock import rfc3339
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import ID_CHARACTERS
from runtime.context import Context
from store.database import Transaction
from webhooks.endpoints.endpoint import EndpointKeys, keys_after, keys_of

PATH: Final = "/.well-known/webhook-keys"
ENDPOINTS_AT_ONCE: Final = 100
# Each address has a limit, because requests read the database and need no credential.
REQUESTS: Final = Allowance(120, 60)
_is_id: Final = re.compile(rf"we_[0-9A-Za-z]{{{ID_CHARACTERS}}}").fullmatch
NOTICE: Final = (
    "Trust the keys of your own endpoint only, by the id that you got when you registered it. A v1a signature does"
    " not say for whom it was made: who trusted every key here would believe events that were signed for others."
)


def routes(context: Context) -> list[Route]:

    async def keys(request: Request) -> Response:
        call: RequestContext[Any, Any] = RequestContext(context, request.scope)
        try:
            await _throttle(call)
            found = await _found(context, request.query_params)
        except DomainError as error:
            return envelope.response(repaired(call, refusal_of(error)), context.clock.now_us())
        body = msgspec.json.encode(found)
        return Response(body, media_type="application/json", headers=CACHE)

    return [Route(PATH, keys, methods=["GET"])]


async def _throttle(call: RequestContext[Any, Any]) -> None:
    await take_one(
        call.context.limiter,
        f"webhook-keys:{block_of(call.address)}",
        REQUESTS,
        f"{REQUESTS.calls} requests a minute are taken from one address; keep the keys that you have read",
    )


async def _found(context: Context, query: QueryParams) -> dict[str, Any]:
    endpoint_id = query.get("endpoint_id")
    if endpoint_id is None:
        return await _page(context, query)

    async def work(tx: Transaction) -> EndpointKeys | None:
        return await keys_of(tx, endpoint_id)

    found = await context.database.read(work) if _is_id(endpoint_id) else None
    if found is None:
        raise NotFound("Webhook", param="endpoint_id")
    return _shown([found], None, context.clock.now_us())


async def _page(context: Context, query: QueryParams) -> dict[str, Any]:
    limit, after_id = _limit(query.get("limit")), query.get("cursor", "")
    if after_id and not _is_id(after_id):
        raise InvalidInput("`cursor` must be `next_cursor` of the previous page.", param="cursor")

    async def work(tx: Transaction) -> list[EndpointKeys]:
        return await keys_after(tx, after_id, limit=limit + 1)

    found = await context.database.read(work)
    following = found[limit - 1].endpoint_id if len(found) > limit else None
    return _shown(found[:limit], following, context.clock.now_us())


def _limit(text: str | None) -> int:
    if text is None:
        return ENDPOINTS_AT_ONCE
    is_number = text.isascii() and text.isdigit() and len(text) <= 3
    if not is_number or not 1 <= int(text) <= ENDPOINTS_AT_ONCE:
        raise InvalidInput(f"`limit` must be from 1 to {ENDPOINTS_AT_ONCE}.", param="limit")
    return int(text)


def _shown(found: list[EndpointKeys], following: str | None, now_us: int) -> dict[str, Any]:
    return {
        "notice": NOTICE,
        "endpoints": {one.endpoint_id: _keys(one, now_us) for one in found},
        "next_cursor": following,
        "has_more": following is not None,
    }


def _keys(one: EndpointKeys, now_us: int) -> list[dict[str, str | None]]:
    return [
        {
            "public_key": key.text,
            "status": "current" if key.until_us is None else "previous",
            "until": None if key.until_us is None else rfc3339(key.until_us),
        }
        for key in one.at(now_us)
    ]
