"""Render templates with Jinja2. Pages load nothing from other hosts, and have no inline scripts or styles."""

import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode
from zipfile import ZipFile

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from gateway.html import format as formats, language as languages
from gateway.html.forms import Problem, dollars
from gateway.html.language import (
    TRANSLATED,
    NotSaid,
    PageLanguage,
    language_of_request,
    readers_zone,
    say,
    say_number,
    zone_of_request,
)
from gateway.html.phrase import Phrase, phrase
from gateway.html.static import brand_files, static_url
from gateway.http.request_context import RequestContext
from gateway.http.session_cookie import TOKEN_FIELD
from keys.session import forgery_token

_D: Final = "/dashboard"
Data = Mapping[str, Any]


class EventObject(NamedTuple):
    word: str
    id: str
    path: str


def event_object(
    event_type: str, transaction_id: str | None, data: Data | None = None
) -> EventObject | None:
    """Return the event's object. Return None if the object has no page or the event is a test."""
    known = data or {}
    if known.get("test"):
        return None
    return _FAMILIES[event_type.partition(".")[0]](transaction_id, known)


def _topup(transaction_id: str | None, data: Data) -> EventObject | None:
    topup_id = transaction_id or data.get("transaction_id")
    if not topup_id:
        return None
    return EventObject(phrase("Top-up"), topup_id, f"{_D}/topups/{topup_id}")


def _order(reference: str | None, data: Data) -> EventObject | None:
    """Return the order. Its reference looks like a top-up's ID, but isn't one."""
    order_id = data.get("order_id") or data.get("id")
    if order_id:
        return EventObject(phrase("Order"), order_id, f"{_D}/orders/{order_id}")
    if not reference:
        return None
    return EventObject(phrase("Order"), reference, f"{_D}/search?q={quote(reference, safe='')}")


def _recharge(reference: str | None, data: Data) -> EventObject | None:
    order_id = data.get("order_id")
    if not order_id and not reference:
        return EventObject(phrase("Auto-recharge"), "", f"{_D}/recharge") if data else None
    return _order(reference, {"order_id": order_id})


def _dispute(_: str | None, data: Data) -> EventObject | None:
    """Return the operators' page for the order, because only operators see disputes."""
    if not data.get("order_id"):
        return None
    return EventObject(phrase("Order"), data["order_id"], f"{_D}/admin/orders/{data['order_id']}")


def _by_id(word: str, path: str) -> Callable[[str | None, Data], EventObject | None]:

    def rule(_: str | None, data: Data) -> EventObject | None:
        object_id = data.get("id") or data.get("key_id")
        return EventObject(word, object_id, path.format(id=object_id)) if object_id else None

    return rule


def _nothing(_: str | None, __: Data) -> EventObject | None:
    return None


_FAMILIES: Final[Mapping[str, Callable[[str | None, Data], EventObject | None]]] = {
    "topup": _topup,
    "voucher": _topup,
    "approval": _topup,
    "order": _order,
    "recharge": _recharge,
    "dispute": _dispute,
    "batch": _by_id(phrase("Bulk send"), f"{_D}/batches/{{id}}"),
    "subscription": _by_id(phrase("Subscription"), f"{_D}/plan"),
    "key": _by_id(phrase("Key"), f"{_D}/keys/{{id}}"),
    "endpoint": _by_id(phrase("Webhook"), f"{_D}/webhooks/{{id}}"),
    "credit": _nothing,
    "balance": _nothing,
    "stock": _nothing,
}


THEMES = ("light", "dark")
THEME_COOKIE = "topup_theme"
SEE_OTHER = 303
# Keys of the request's scope, for the counts in the menu.
REVIEW_WAITING = "topup.review_waiting"
APPROVALS_WAITING = "topup.approvals_waiting"
_NO_STORE = "no-store"
_log = logging.getLogger(__name__)
_SENTENCES_KEPT = 20_000
_READS = ("GET", "HEAD")


def page(
    call: RequestContext[Any, Any],
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    problem = values.get("problem")
    known = {
        "principal": call.credential,
        "csrf_token": "" if call.session_token is None else forgery_token(call.session_token),
        "undo": _undo_address(call),
        "now_us": call.now_us,
        "brand_of": lambda: brand_files(call.context.settings.brand),
        "provider_label": call.context.payments.providers.label,
        **values,
    }
    written = _written(template, call.scope, known)
    if isinstance(problem, Problem) and problem.fields and written.shows_each:
        known["problem"] = replace(problem, are_shown=True)
        written = _written(template, call.scope, known)
    return _answer(template, written.text, status, headers)


class _Written(NamedTuple):
    text: str
    shows_each: bool


def _shows_each(text: str, problem: object) -> bool:
    return isinstance(problem, Problem) and all(
        f'<span class="wrong">{escape(say(one))}</span>' in text for one in problem.fields.values()
    )


def standing(
    template: str,
    scope: Scope,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    known = {"principal": None, "csrf_token": "", "undo": "", "now_us": 0, **values}
    return _answer(template, _written(template, scope, known).text, status, headers)


def _answer(
    template: str, text: str, status: int, headers: Mapping[str, str] | None
) -> HTMLResponse:
    varies = {"vary": languages.VARY} if template in TRANSLATED else {}
    return HTMLResponse(
        text, status, headers={"cache-control": _NO_STORE, **varies, **(headers or {})}
    )


def _written(template: str, scope: Scope, values: Mapping[str, Any]) -> _Written:
    """Render the page in the reader's language if all its text is translated, else in English."""
    reading, zone = _language(template, scope), zone_of_request(scope)
    before = readers_zone.set(zone)
    try:
        return _written_in(reading, template, scope, {"zone": zone, **values})
    except NotSaid as missing:
        _log.debug("%s is English: %s has no words for %r", template, reading.tag, str(missing))
        return _written_in(languages.english(), template, scope, {"zone": zone, **values})
    finally:
        readers_zone.reset(before)


def _written_in(
    reading: PageLanguage, template: str, scope: Scope, values: Mapping[str, Any]
) -> _Written:
    before = languages.current.set(reading)
    try:
        known = {
            "path": scope["path"],
            "here": _address(scope),
            "review_waiting": scope.get(REVIEW_WAITING, 0),
            "approvals_waiting": scope.get(APPROVALS_WAITING, 0),
            "theme": _theme(scope),
            "said": formats.notice_of(scope["query_string"]),
            "csrf_field": TOKEN_FIELD,
            "reading": reading,
            "other_languages": _others(template, scope, reading, values.get("problem")),
            **values,
        }
        known |= {name: say(known[name]) for name in ("notice", "said") if known.get(name)}
        text = _templates().get_template(template).render(known)
        return _Written(text, _shows_each(text, known.get("problem")))
    finally:
        languages.current.reset(before)


def fragment(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(values)


def undo_of(call: RequestContext[Any, Any], address: str) -> Mapping[str, str]:
    """Return the query that makes the next page offer an undo button. It is signed for the session."""
    return {"undo": address, "undo_mark": _undo_mark(call, address)}


def _undo_address(call: RequestContext[Any, Any]) -> str:
    query = dict(parse_qsl(call.scope["query_string"].decode("latin-1")))
    address = query.get("undo", "")
    if not address or call.session_token is None:
        return ""
    given = query.get("undo_mark", "").encode()
    return address if hmac.compare_digest(_undo_mark(call, address).encode(), given) else ""


def _undo_mark(call: RequestContext[Any, Any], address: str) -> str:
    assert call.session_token is not None
    key = forgery_token(call.session_token).encode()
    return hmac.new(key, f"undo {address}".encode(), "sha256").hexdigest()[:32]


def go(path: str, *, said: str | None = None, **query: str) -> Response:
    """Redirect with a GET. `said` names a sentence in formats.SAID."""
    if said is not None:
        assert said in formats.SAID, said
        query["said"] = said
    joint = "&" if "?" in path else "?"
    target = f"{path}{joint}{urlencode(query)}" if query else path
    return RedirectResponse(target, SEE_OTHER, headers={"cache-control": _NO_STORE})


def _language(template: str, scope: Scope) -> PageLanguage:
    return language_of_request(scope) if template in TRANSLATED else languages.english()


def _address(scope: Scope) -> str:
    return "?".join(filter(None, (scope["path"], scope["query_string"].decode("latin-1"))))


def _others(
    template: str, scope: Scope, reading: PageLanguage, problem: object
) -> Sequence[PageLanguage]:
    """Return the languages to switch to. There are none if switching would lose a form's response."""
    is_refused = isinstance(problem, Problem) and bool(problem.sentence)
    if template not in TRANSLATED or scope["method"] not in _READS or is_refused:
        return ()
    return [one for one in languages.page_languages().values() if one is not reading]


def _theme(scope: Scope) -> str:
    sent = [value for name, value in scope["headers"] if name == b"cookie"]
    return next(
        (theme for theme in THEMES if f"{THEME_COOKIE}={theme}".encode() in b";".join(sent)), ""
    )


def _text(sentence: str, **values: Any) -> Markup:
    said = _markup(say(sentence))
    return said % values if values else said


@lru_cache(maxsize=_SENTENCES_KEPT)
def _markup(sentence: str) -> Markup:
    return Markup(sentence)  # noqa: S704 it stands in a template, or in a catalogue


@cache
def _drawings() -> ZipFile:
    """Open the archive of Lucide's icons. Reading its names takes 17 ms and 1 MB, so do this once for all icons."""
    return ZipFile(str(files("lucide") / "lucide.zip"))


@cache
def _icon(name: str) -> Markup:
    drawn = _drawings().read(f"{name}.svg").decode().partition("<svg")[2]
    inside = " ".join(drawn.partition(">")[2].rpartition("</svg>")[0].split())
    turns = " turns" if name == "send" else ""
    return Markup(  # noqa: S704 it is the package's own
        f'<svg class="icon{turns}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{inside}</svg>'
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
    made.globals["_"] = _text
    made.policies["ext.i18n.trimmed"] = True
    made.globals["static"] = static_url
    made.globals["icon"] = _icon
    made.filters.update(formats.FILTERS)
    made.filters["dollars"] = dollars
    made.globals["event_object"] = event_object
    made.tests["phrase"] = lambda text: isinstance(text, Phrase)
    # A body's fields are shown in the order in which they were signed.
    made.policies["json.dumps_kwargs"] = {"sort_keys": False}
    return made
