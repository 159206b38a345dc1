"""What a browser is shown instead of a page: a way to sign in, or a sentence and a way on."""

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.pages.render import go, standing
from gateway.refusal import Refusal, sentence

SIGN_IN: Final = "/sign-in"
HOME: Final = "/dashboard"
_UNAUTHORISED: Final = 401
_TITLES: Final = {
    403: "This is not open to you",
    404: "There is nothing here",
    405: "This address takes something else",
    422: "That did not fit",
    429: "Too fast",
    500: "Something went wrong",
    503: "Back in a moment",
}
_SENTENCES: Final = {404: "The address is mistyped, or what it named is gone or not yours."}


def refuse(refusal: Refusal, _now_us: int) -> ASGIApp:
    """The refusal as a page; without a session, the way to one and back."""
    said = sentence(refusal.detail, refusal.error.get("param"))
    return _Refused(refusal.http_status, _SENTENCES.get(refusal.http_status, said))


async def not_found(request: Request, _error: Exception) -> Response:
    """For paths that nothing knows: a page for a browser, a line for anything else."""
    if "text/html" not in request.headers.get("accept", ""):
        return Response("Not Found\n", 404, media_type="text/plain")
    return _error_page(request.scope, 404, _SENTENCES[404])


def is_safe_way(path: str) -> bool:
    """Whether a browser sent there stays on this gateway."""
    is_path = path.startswith("/") and not path.startswith("//")
    return is_path and path.isascii() and path.isprintable() and not set(path) & {"\\", " "}


class _Refused:
    """Writes the page once it knows which request it answers."""

    def __init__(self, status: int, said: str) -> None:
        self._status = status
        self._said = said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._status == _UNAUTHORISED:
            response = go(_sign_in_and_back(scope))
        else:
            response = _error_page(scope, self._status, self._said)
        await response(scope, receive, send)


def _error_page(scope: Scope, status: int, said: str) -> Response:
    title = _TITLES.get(status, _TITLES[500])
    return standing("error.html", scope, status=status, title=title, sentence=said, home=HOME)


def _sign_in_and_back(scope: Scope) -> str:
    """A form cannot be sent again from there, so only a page is come back to."""
    path = scope["path"]
    if scope["method"] not in {"GET", "HEAD"} or path == HOME:
        return SIGN_IN
    query = scope["query_string"].decode("latin-1")
    back = f"{path}?{query}" if query else path
    return f"{SIGN_IN}?{urlencode({'next': back})}"
