"""Name a form's Idempotency-Key."""

from typing import Any

import msgspec

from gateway.html.forms import Form
from gateway.http.request_context import RequestContext
from store.idempotency import RequestKey, request_key


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
