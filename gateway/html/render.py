"""Templates to HTML answers: Jinja2 with everything escaped and every name known.

Promises: a value is never taken for markup, a template's typo is an error and not an empty space,
and nothing on a page comes from another host or stands in it as a script or a style.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from gateway.html import format as formats
from gateway.html.forms import Problem
from gateway.html.static import static_url
from gateway.html.zone import current, zone_of_request
from gateway.http.request_context import RequestContext
from gateway.http.session_cookie import TOKEN_FIELD
from keys.session import forgery_token

THEMES = ("light", "dark")
THEME_COOKIE = "topup_theme"
SEE_OTHER = 303
# Where a request keeps how many top-ups wait at the desk, for the menu of its page.
DESK_WAITING = "topup.desk_waiting"
# The same of the sends that wait for the reader's approval.
APPROVALS_WAITING = "topup.approvals_waiting"
_NO_STORE = "no-store"
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")


def page(
    call: RequestContext[Any, Any],
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """The template as an answer to this call; who is signed in, and how it looks, are known to it."""
    problem = values.get("problem")
    known = {
        "principal": call.credential,
        "csrf_token": "" if call.session_token is None else forgery_token(call.session_token),
        "now_us": call.now_us,
        "address": address_of(call),
        "provider_label": call.context.payments.providers.label,
        **values,
    }
    answer = standing(template, call.scope, status=status, headers=headers, **known)
    if isinstance(problem, Problem) and problem.fields and _shows_each(answer, problem):
        known["problem"] = replace(problem, are_shown=True)
        return standing(template, call.scope, status=status, headers=headers, **known)
    return answer


def _shows_each(answer: Response, problem: Problem) -> bool:
    """Whether the page says at each field what is wrong with it."""
    text = bytes(answer.body).decode()
    return all(
        f'<span class="wrong">{escape(said)}</span>' in text for said in problem.fields.values()
    )


def standing(
    template: str,
    scope: Scope,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """The template as an answer where there is no call, such as for an unknown path."""
    zone = zone_of_request(scope)
    known = {
        "principal": None,
        "zone": zone,
        "csrf_token": "",
        "now_us": 0,
        "path": scope["path"],
        "desk_waiting": scope.get(DESK_WAITING, 0),
        "approvals_waiting": scope.get(APPROVALS_WAITING, 0),
        "theme": _theme(scope),
        "said": formats.said(scope["query_string"]),
        "csrf_field": TOKEN_FIELD,
        **values,
    }
    before = current.set(zone)
    try:
        text = _templates().get_template(template).render(known)
    finally:
        current.reset(before)
    return HTMLResponse(text, status, headers={"cache-control": _NO_STORE, **(headers or {})})


def go(path: str, *, said: str | None = None, **query: str) -> Response:
    """Sends the browser on with a GET; said names a sentence of formats.SAID shown there."""
    if said is not None:
        assert said in formats.SAID, said
        query["said"] = said
    joint = "&" if "?" in path else "?"
    target = f"{path}{joint}{urlencode(query)}" if query else path
    return RedirectResponse(target, SEE_OTHER, headers={"cache-control": _NO_STORE})


def address_of(call: RequestContext[Any, Any]) -> str:
    """Where the reader's own programs reach this gateway: as PUBLIC_URL says, or as the browser did."""
    settings = call.context.settings
    host = call.headers.get(b"host", b"").decode("latin-1")
    if settings.public_url or _HOST.fullmatch(host) is None:
        return settings.address()
    return f"{call.scope['scheme']}://{host}"


def _theme(scope: Scope) -> str:
    """What the person chose; empty: as the system has it."""
    sent = [value for name, value in scope["headers"] if name == b"cookie"]
    return next(
        (theme for theme in THEMES if f"{THEME_COOKIE}={theme}".encode() in b";".join(sent)), ""
    )


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("gateway", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static"] = static_url
    made.filters.update(formats.FILTERS)
    # Bodies are shown in the order that they were signed in.
    made.policies["json.dumps_kwargs"] = {"sort_keys": False}
    return made
