"""Provide helpers for operators' pages and forms."""

from typing import Any, Final

from gateway.dashboard.route import PageQuery, page_route, review_waiting
from gateway.html.forms import Form
from gateway.http.request_context import RequestContext
from gateway.http.routing import Handler, Reply, Route
from kernel.clock import moment_us
from kernel.errors import InvalidInput
from kernel.fields import LooseFields
from keys.principal import ADMIN

SCOPES: Final = (ADMIN,)


def admin_route(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    query: type[LooseFields] = PageQuery,
) -> Route:
    """Return a route under /dashboard/admin. The page's menu shows how many top-ups need review."""

    async def counted(call: RequestContext[Any, Any]) -> Reply:
        await review_waiting(call)
        return await handler(call)

    return page_route(method, path, counted, summary, SCOPES, query=query)


def day_us(form: Form, name: str) -> int | None:
    """Return the start of a typed day or month in UTC, or None if the field is blank."""
    text = form.text(name)
    try:
        return moment_us(text) if text else None
    except ValueError:
        raise InvalidInput(
            "Enter a day such as 2026-11-01, or a month such as 2026-11.", param=name
        ) from None


def decider(call: RequestContext[Any, Any]) -> str:
    return call.principal.account_email or call.principal.account_id
