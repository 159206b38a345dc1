"""Show error pages for refused requests."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.answers import envelope
from gateway.answers.refusals import Refusal
from gateway.html.field_words import for_people
from gateway.html.forms import first_words
from gateway.html.phrase import phrase
from gateway.html.render import go, standing
from gateway.http.errors import refusal_of
from gateway.http.password_again import CONFIRM
from gateway.http.request_context import RequestContext
from gateway.http.routing import MethodNotAllowed
from gateway.repair import repaired
from kernel.errors import NotFound
from runtime.context import Context

SIGN_IN: Final = "/sign-in"
HOME: Final = "/dashboard"
_UNAUTHORISED: Final = 401
_NOT_FOUND: Final = 404
_FAULT: Final = 500
_READS: Final = frozenset({"GET", "HEAD"})
TITLES: Final = {
    403: phrase("You don't have access to this page"),
    404: phrase("There is nothing here"),
    405: phrase("This method is not allowed"),
    409: phrase("This changed meanwhile"),
    413: phrase("That is too large"),
    422: phrase("That could not be processed"),
    429: phrase("Too fast"),
    500: phrase("Something went wrong"),
    503: phrase("Back in a moment"),
}
_OPERATORS_ONLY: Final = phrase(
    "This page is only for operators of this gateway. An operator can give your account access "
    "with: topup accounts set ACCOUNT --operator."
)
_ROLE: Final = phrase(
    "Your role in this account doesn't allow this. The account's owner can change your role under Team."
)
SENTENCES: Final = {
    404: phrase("The address is wrong, or the object was deleted or belongs to another account.")
}


def refuse(refusal: Refusal, _now_us: int) -> ASGIApp:
    """Return an error page, or a redirect to the sign-in page or the password page."""
    said = first_words(for_people(refusal.detail), refusal.error.get("param"))
    if refusal.error.get("required_scopes") == ["admin"]:
        said = _OPERATORS_ONLY
    elif refusal.error.get("reason") in {"scope", "owner"}:
        # An owner can lack only the scope `admin`, so this user is a team member.
        said = _ROLE
    is_password_due = refusal.error.get("reason") == "password_required"
    return _Refused(
        refusal.http_status,
        SENTENCES.get(refusal.http_status, said),
        is_password_due=is_password_due,
    )


def outside(context: Context) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Respond to an unknown path or method. Browsers get a page. Other clients get our JSON envelope."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "it stands for 404 and 405 alone"
        allow = (error.headers or {}).get("Allow", "")
        refusal = refusal_of(
            MethodNotAllowed(sorted(allow.split(", "))) if allow else NotFound("Path")
        )
        if "text/html" in request.headers.get("accept", ""):
            said = SENTENCES.get(refusal.http_status, first_words(refusal.detail))
            shown = _error_page(request.scope, refusal.http_status, said)
            shown.raw_headers += refusal.headers
            return shown
        call: RequestContext[Any, Any] = RequestContext(context, request.scope)
        return envelope.response(repaired(call, refusal), context.clock.now_us())

    return answer


def is_safe_way(path: str) -> bool:
    is_path = path.startswith("/") and not path.startswith("//")
    return is_path and path.isascii() and path.isprintable() and not set(path) & {"\\", " "}


class _Refused:
    def __init__(self, status: int, said: str, *, is_password_due: bool = False) -> None:
        self._status = status
        self._said = said
        self._is_password_due = is_password_due

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._status == _UNAUTHORISED:
            response = _to_sign_in(scope)
        elif self._is_password_due:
            response = go(CONFIRM, next=_page_before(scope))
        elif self._status == _NOT_FOUND and _is_page_with_slash(scope):
            response = go(scope["path"].rstrip("/"))
        else:
            response = _error_page(scope, self._status, self._said)
        await response(scope, receive, send)


def _is_page_with_slash(scope: Scope) -> bool:
    path = scope["path"]
    is_page = path.startswith(f"{HOME}/") and path.endswith("/")
    return scope["method"] == "GET" and is_page and is_safe_way(path)


def _error_page(scope: Scope, status: int, said: str) -> Response:
    title, way = TITLES.get(status, TITLES[500]), _page_of_form(scope, status)
    return standing(
        "error.html", scope, status=status, title=title, sentence=said, home=HOME, way=way
    )


def _page_of_form(scope: Scope, status: int) -> str:
    before = "" if scope["method"] in _READS else _page_before(scope)
    return before if status < _FAULT and before != HOME else ""


def _page_before(scope: Scope) -> str:
    sent = next((value for name, value in scope["headers"] if name == b"referer"), b"")
    parts = urlsplit(sent.decode("latin-1"))
    way = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return way if is_safe_way(way) and not way.startswith(CONFIRM) else HOME


def _to_sign_in(scope: Scope) -> Response:
    """Redirect to the sign-in page, and back afterwards. A form can't be sent again, so the user returns to its
    page.
    """
    path = scope["path"]
    if scope["method"] not in _READS:
        before = _page_before(scope)
        return go(SIGN_IN, said="not-signed-in", **({} if before == HOME else {"next": before}))
    if path == HOME:
        return go(SIGN_IN)
    query = scope["query_string"].decode("latin-1")
    return go(SIGN_IN, next=f"{path}?{query}" if query else path)
