"""Handle a button that runs one act."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.html.forms import Form, read_form
from gateway.html.render import go, undo_of
from gateway.http.own_acts import Ids, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
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
    """Run it, then redirect to `then`, which offers to undo it by a POST to `undo`. Raises the act's
    refusal.
    """
    form = read_form(call)
    await run_own(call, act, values or {}, ids, key=form.idempotency_key)
    return go(then, said=said, **({} if undo is None else undo_of(call, undo)))


def form_key(call: RequestContext[Any, Any], form: Form) -> RequestKey | None:
    """Return None if the form has no name."""
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
