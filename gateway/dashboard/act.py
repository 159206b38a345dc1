"""A button that changes one thing: the API's call, then back to a page with the result's sentence."""

from collections.abc import Mapping
from typing import Any

from gateway.html.forms import read_form
from gateway.html.render import go, undo_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask


async def act(
    call: RequestContext[Any, Any],
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    then: str,
    said: str,
    undo: str | None = None,
) -> Reply:
    """Run it, then send the browser to `then`, which offers to undo it by a POST to `undo`. Raises the call's refusal."""
    form = read_form(call)
    await ask(call, method, path, body, idempotency_key=form.idempotency_key)
    return go(then, said=said, **({} if undo is None else undo_of(call, undo)))
