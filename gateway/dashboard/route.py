"""A page's row of the route table: for people only, by cookie, with a form as its body."""

from gateway.http.fields import LooseFields
from gateway.http.routing import Handler, Route
from kernel.limits import BODY_BYTES_MAX


def page_route(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    scopes: tuple[str, ...],
    *,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> Route:
    """A page or form of whoever is signed in."""
    return Route(
        method,
        path,
        handler,
        summary,
        scopes,
        query=LooseFields,
        takes_key=False,
        media="raw",
        session_only=True,
        body_bytes_max=body_bytes_max,
    )


def open_route(method: str, path: str, handler: Handler, summary: str) -> Route:
    """A page or form for anybody; no cookie is looked at."""
    return Route(
        method,
        path,
        handler,
        summary,
        query=LooseFields,
        is_public=True,
        takes_key=False,
        media="raw",
    )
