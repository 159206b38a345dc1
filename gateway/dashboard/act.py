"""Handle the dashboard buttons that run an act."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.dashboard.route import page_route
from gateway.html.forms import Form, read_form
from gateway.html.render import go, undo_of
from gateway.http.own_acts import Ids, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from keys.act import AnyChange
from store.idempotency import RequestKey, request_key


async def press(
    call: RequestContext[Any, Any],
    act: AnyChange,
    values: Mapping[str, Any] | None = None,
    ids: Ids | None = None,
    *,
    then: str,
    said: str,
    undo: str | None = None,
) -> Reply:
    """Run the act, then redirect to `then`. If `undo` is given, that page has an undo button that posts to `undo`."""
    form = read_form(call)
    await run_own(call, act, values or {}, ids, key=form.idempotency_key)
    return go(then, said=said, **({} if undo is None else undo_of(call, undo)))


def button_route(
    path: str,
    act: AnyChange,
    said: str,
    *,
    values: Mapping[str, Any] | None = None,
    then: str = "",
    undo: str = "",
) -> Route:
    """Return the route of a button under /dashboard.

    `then` is the next page's address. If it is empty, the object's page is next. `undo` is the last part of
    the undo button's path.
    """
    here = then or f"/dashboard{path.rpartition('/')[0]}"

    async def send(call: RequestContext[Any, Any]) -> Reply:
        page = here.format_map(call.params)
        back = f"{page}/{undo}" if undo else None
        return await press(call, act, values, then=page, said=said, undo=back)

    return page_route("POST", path, send, act.summary, act.scopes)


def form_key(call: RequestContext[Any, Any], form: Form) -> RequestKey | None:
    if form.idempotency_key is None:
        return None
    return request_key(
        account_id=call.principal.account_id,
        environment=call.principal.environment,
        owner=call.principal.key_owner,
        key_text=form.idempotency_key,
        method=call.method,
        path=call.path,
        canonical_body=msgspec.json.encode(form.fields, order="deterministic"),
    )
