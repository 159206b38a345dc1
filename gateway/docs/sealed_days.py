"""Publish what proves later what this installation said: public keys, sealed days, signed heads.

A day reveals only how many transfers it had; a head of the record log, how many leaves.
"""

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import day_start_of, shape_of
from billing.checkpoints.jws import jwk_of
from billing.checkpoints.signing_keys import published
from billing.records import head as record_head
from gateway.api.topup_receipts import KEYS_PATH
from gateway.docs.documents import CACHE
from keys.principal import ENVIRONMENTS
from runtime.context import Context

DAYS = "/.well-known/ledger-checkpoints"
HEADS = "/.well-known/record-heads"
DAYS_AT_ONCE = 100
_DIGITS_MAX = 15


def routes(context: Context) -> list[Route]:

    async def keys(_request: Request) -> Response:
        found = await context.database.read(published)
        body = {"keys": [jwk_of(key.public_key) for key in reversed(found)]}
        return _json(body, "application/jwk-set+json")

    async def listed(request: Request) -> Response:
        environment = _environment(request)
        text = request.query_params.get("before")
        before = None if text is None else _day(text)
        found = await context.database.read(
            lambda tx: checkpoint.page(tx, environment, before=before, limit=DAYS_AT_ONCE)
        )
        more = found[-1].day if len(found) == DAYS_AT_ONCE else None
        return _json({"items": [shape_of(one) for one in found], "next_before": more})

    async def one(request: Request) -> Response:
        environment, day = _environment(request), _day(request.path_params["day"])
        found = await context.database.read(lambda tx: checkpoint.find(tx, environment, day))
        if found is None:
            raise HTTPException(404)
        return _json(shape_of(found))

    async def heads(request: Request) -> Response:
        text = request.query_params.get("before")
        before = None if text is None else _number(text)
        found = await context.database.read(
            lambda tx: record_head.page(tx, before=before, limit=DAYS_AT_ONCE)
        )
        more = found[-1].number if len(found) == DAYS_AT_ONCE else None
        return _json({"items": [one.shape() for one in found], "next_before": more})

    return [
        Route(HEADS, heads, methods=["GET"]),
        Route(KEYS_PATH, keys, methods=["GET"]),
        Route(f"{DAYS}/{{environment}}", listed, methods=["GET"]),
        Route(f"{DAYS}/{{environment}}/{{day}}", one, methods=["GET"]),
    ]


def _environment(request: Request) -> str:
    word = str(request.path_params["environment"])
    if word not in ENVIRONMENTS:
        raise HTTPException(404)
    return word


def _day(text: str) -> int:
    try:
        return day_start_of(text)
    except ValueError:
        raise HTTPException(404) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise HTTPException(404)
    return int(text)


def _json(value: object, media_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(value), media_type=media_type, headers=CACHE)
