"""Templates to HTML answers: Jinja2 with everything escaped and every name known.

Promises: a value is never taken for markup, a template's typo is an error and not an empty space,
and nothing on a page comes from another host or stands in it as a script or a style.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from gateway.html import format as formats, language as languages
from gateway.html.forms import Problem
from gateway.html.language import PageLanguage, language_of_request, say, say_number
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
_READS = ("GET", "HEAD")
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
    if not isinstance(problem, Problem) or not problem.fields:
        return answer
    said = problem.in_words_of(_language(template, call.scope, known))
    if _shows_each(answer, said):
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
    reading = _language(template, scope, known)
    known["here"] = "?".join(filter(None, (scope["path"], scope["query_string"].decode("latin-1"))))
    known |= {"reading": reading, "other_languages": _others(template, scope, reading)}
    if not reading.is_english:
        known |= _said_in(reading, known)
    before, before_language = current.set(zone), languages.current.set(reading)
    try:
        text = _templates().get_template(template).render(known)
    finally:
        languages.current.reset(before_language)
        current.reset(before)
    varies = {"vary": languages.VARY} if template in languages.TRANSLATED else {}
    return HTMLResponse(
        text, status, headers={"cache-control": _NO_STORE, **varies, **(headers or {})}
    )


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


def _language(template: str, scope: Scope, known: Mapping[str, Any]) -> PageLanguage:
    """The reader's, where the page is whole in it with all that the code says on it; else English."""
    if template not in languages.TRANSLATED:
        return languages.english()
    asked, problem = language_of_request(scope), known.get("problem")
    said = [known.get("notice") or "", formats.said(scope["query_string"]) or ""]
    if isinstance(problem, Problem):
        said += problem.fields.values() or [problem.sentence]
    return asked if asked.knows(*said) else languages.english()


def _said_in(reading: PageLanguage, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the code says on the page, in the reader's language."""
    problem = known.get("problem")
    said = {
        name: reading.say(known[name]) for name in ("notice", "said") if known.get(name) is not None
    }
    return said | (
        {"problem": problem.in_words_of(reading)} if isinstance(problem, Problem) else {}
    )


def _others(template: str, scope: Scope, reading: PageLanguage) -> Sequence[PageLanguage]:
    """What the reader may switch to: nothing on an answer to a form, which a switch would lose."""
    if template not in languages.TRANSLATED or scope["method"] not in _READS:
        return ()
    return [one for one in languages.page_languages().values() if one is not reading]


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
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(say, say_number, newstyle=True)  # type: ignore[attr-defined]
    made.policies["ext.i18n.trimmed"] = True
    made.globals["static"] = static_url
    made.filters.update(formats.FILTERS)
    # Bodies are shown in the order that they were signed in.
    made.policies["json.dumps_kwargs"] = {"sort_keys": False}
    return made
