"""Run a merchant's acts for pages and tools in this process, with the same result as an API request.

The caller's scopes and environment apply. A repeated Idempotency-Key returns the stored API response.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from gateway.answers.answer import Answer
from gateway.answers.envelope import Envelope
from gateway.answers.words import API_PREFIX
from gateway.http.acts import list_act, read_act, route_of
from gateway.http.fields import shape_of
from gateway.http.pipeline import handled, take_key
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route, check_params
from kernel.errors import InvalidInput
from kernel.fields import Fields
from kernel.shaped import Listing
from keys.act import AnyChange, ListAct, ReadAct
from keys.principal import require_scope

Ids = Mapping[str, str]

_decode = msgspec.json.Decoder(Envelope).decode
_decode_json = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_NOTHING: Final[Mapping[str, Any]] = {}


class TextBody(NamedTuple):
    content: bytes
    media_type: bytes


async def read_own(
    call: RequestContext[Any, Any], act: ReadAct[Any], ids: Ids | None = None, **query: Any
) -> Any:
    """Return the act's view as plain values. `ids` are the path parameters, by default the current request's."""
    require_scope(call.principal, *act.scopes)
    _, shown = await read_act(act, _asking(call, act.query, ids, query))
    return _plain(shown)


async def list_own(
    call: RequestContext[Any, Any],
    act: ListAct[Any, Any],
    query: Mapping[str, Any] = _NOTHING,
    *,
    rows: int | None = None,
) -> Listing[Any]:
    """Return a page of the list, with its items as plain values.

    Parameters that are None or empty are omitted. `rows` is the page size. It can exceed the API's maximum.
    """
    require_scope(call.principal, *act.scopes)
    found = await list_act(act, _asking(call, act.query, None, query, rows))
    return msgspec.structs.replace(found, items=[_plain(one) for one in found.items])


async def run_own(
    call: RequestContext[Any, Any],
    act: AnyChange,
    values: Mapping[str, Any] = _NOTHING,
    ids: Ids | None = None,
    *,
    key: str | None = None,
    wrong: Mapping[str, str] = _NOTHING,
) -> Any:
    """Run the act once for the key, and return its view as plain values.

    `wrong` maps fields to errors that the page has already found. If it isn't empty, the act isn't run, and
    InvalidInput lists all wrong fields.
    """
    body, query = (_NOTHING, values) if act.is_in_query else (values, _NOTHING)
    done = await run_route(call, route_of(act), body, ids, query=query, key=key, wrong=wrong)
    return done.data


async def run_route(
    call: RequestContext[Any, Any],
    route: Route,
    body: Mapping[str, Any] | TextBody = _NOTHING,
    ids: Ids | None = None,
    *,
    query: Mapping[str, Any] = _NOTHING,
    key: str | None = None,
    wrong: Mapping[str, str] = _NOTHING,
    rows: int | None = None,
    is_waiting: bool = False,
) -> Envelope:
    """Return the response of an API route. If `is_waiting`, stop waiting when the caller disconnects."""
    require_scope(call.principal, *route.scopes)
    inner = _asking(call, route.query, ids, query, rows)
    inner.method, inner.template = route.method, API_PREFIX + route.path
    inner.path = inner.template.format_map(inner.params)
    if not is_waiting:
        inner.receive = None
    if route.is_unsafe:
        _take_body(inner, route, body, wrong)
        if key is not None and route.takes_key:
            take_key(inner, key)
    reply = await handled(route, inner)
    assert isinstance(reply, Answer), f"{route.path} streams"
    return _decode(reply.body)


def _plain(view: Any) -> Any:
    # A view may contain JSON bytes that are already rendered.
    return _decode_json(_encode(view))


def _asking(
    call: RequestContext[Any, Any],
    struct: type[Fields],
    ids: Ids | None,
    query: Mapping[str, Any],
    rows: int | None = None,
) -> RequestContext[Any, Any]:
    asking = copy(call)
    asking.request_key, asking.reply_headers = None, []
    if ids is not None:
        check_params(ids)
        asking.params = ids
    texts = {name: value for name, value in query.items() if value not in {None, ""}}
    asking.query = shape_of(struct).of_query(urlencode(texts).encode(), call.environment)
    if rows is not None:
        asking.query = msgspec.structs.replace(asking.query, limit=rows)
    return asking


def _take_body(
    inner: RequestContext[Any, Any],
    route: Route,
    body: Mapping[str, Any] | TextBody,
    wrong: Mapping[str, str],
) -> None:
    environment = inner.environment
    if isinstance(body, TextBody):
        assert route.decode is not None, f"{route.path} takes no text"
        inner.raw, headers = body.content, {b"content-type": body.media_type}
        inner.body = route.decode(inner.raw, headers, inner.query, environment)
        return
    inner.raw = _encode(body)
    if route.decode is None:
        inner.body = _checked(route, inner.raw, environment, wrong)
    else:
        headers = {b"content-type": b"application/json"}
        inner.body = route.decode(inner.raw, headers, inner.query, environment)


def _checked(route: Route, raw: bytes, environment: str | None, wrong: Mapping[str, str]) -> Fields:
    problems = [{"param": param, "detail": detail} for param, detail in wrong.items()]
    try:
        body = route.body_shape.decode(raw, environment)
    except InvalidInput as error:
        if not wrong:
            raise
        listed = error.extra.get("errors", [])
        problems += [one for one in listed if one["param"] not in wrong]
    else:
        if not wrong:
            return body
    raise InvalidInput(problems[0]["detail"], param=problems[0]["param"], errors=problems)
