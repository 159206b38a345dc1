"""Call our own API from inside the process, as the person whose page it is
(docs/decisions/0020-pages-ask-the-api.md).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from starlette.types import Receive

from gateway.answers.answer import Answer
from gateway.answers.envelope import Envelope
from gateway.http.pipeline import handled, take_key
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route, Router
from gateway.surfaces import API, API_PREFIX
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields
from keys.principal import require_scope

_decode = msgspec.json.Decoder(Envelope).decode
_encode = msgspec.json.Encoder().encode


class TextBody(NamedTuple):
    content: bytes
    media_type: bytes


async def ask(
    call: RequestContext[Any, Any],
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    query: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    text: TextBody | None = None,
    receive: Receive | None = None,
    wrong: Mapping[str, str] | None = None,
    rows: int | None = None,
) -> Envelope:
    """Call the API at `path` below /api/public/v1; raise its DomainErrors.

    `wrong` has errors that a page found already, by field; InvalidInput then names all. `receive`
    is of a caller whose leaving ends a wait.
    """
    found = _router().find(API_PREFIX + path)
    if found is None:
        raise NotFound("Path")
    resource, params = found
    route = resource.route(method)
    principal = call.principal
    require_scope(principal, *route.scopes)
    inner: RequestContext[Any, Any] = RequestContext(call.context, call.scope)
    inner.trace = call.trace
    inner.principal, inner.params, inner.template = principal, params, resource.template
    inner.method, inner.path, inner.receive = method, API_PREFIX + path, receive
    listed = {name: value for name, value in (query or {}).items() if value not in {None, ""}}
    inner.query = route.query_shape.of_query(urlencode(listed).encode(), principal.environment)
    if rows is not None:
        inner.query = msgspec.structs.replace(inner.query, limit=rows)
    if route.is_unsafe:
        inner.raw = _encode(body or {})
        if route.decode is None:
            inner.body = _checked(route, inner.raw, principal.environment, wrong or {})
        else:
            inner.raw = inner.raw if text is None else text.content
            kind = b"application/json" if text is None else text.media_type
            inner.body = route.decode(
                inner.raw, {b"content-type": kind}, inner.query, principal.environment
            )
            assert not wrong, "a body with a reader of its own is checked by that"
        if idempotency_key is not None and route.takes_key:
            take_key(inner, idempotency_key)
    reply = await handled(route, inner)
    assert isinstance(reply, Answer), f"{path} streams"
    return _decode(reply.body)


def _checked(route: Route, raw: bytes, environment: str, wrong: Mapping[str, str]) -> Fields:
    problems = [{"param": param, "detail": detail} for param, detail in wrong.items()]
    try:
        body: Fields = route.body_shape.decode(raw, environment)
    except InvalidInput as error:
        found = error.extra.get("errors", [])
        problems += [one for one in found if one["param"] not in wrong]
        if not wrong:
            raise
    else:
        if not wrong:
            return body
    first = problems[0]
    raise InvalidInput(first["detail"], param=first["param"], errors=problems)


@cache
def _router() -> Router:
    return Router((API,))
