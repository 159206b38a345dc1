"""Make routes for pages. Pages authenticate by cookie. Each page's menu counts the sends waiting for the user's
approval.
"""

from functools import wraps
from typing import Any, Final

from msgspec import field

from billing.manual_review.waiting import count_waiting
from billing.topups.approval import count_waiting as count_approvals
from gateway.html.render import APPROVALS_WAITING, REVIEW_WAITING
from gateway.http.request_context import RequestContext
from gateway.http.routing import Handler, Reply, Route
from kernel.clock import SECOND_US
from kernel.fields import LooseFields
from kernel.limits import BODY_BYTES_MAX
from keys.principal import ADMIN
from webhooks.deliveries.backlog import measure

_DECIDES: Final = "approvals:write"


class PageQuery(LooseFields, frozen=True, kw_only=True):
    columns: list[str] = field(default_factory=list)


def page_route(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    scopes: tuple[str, ...],
    *,
    query: type[LooseFields] = PageQuery,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> Route:
    return Route(
        method,
        path,
        _counting(handler),
        summary,
        scopes,
        query=query,
        takes_key=False,
        media="raw",
        session_only=True,
        body_bytes_max=body_bytes_max,
    )


def open_route(method: str, path: str, handler: Handler, summary: str) -> Route:
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


def _counting(handler: Handler) -> Handler:
    @wraps(handler)
    async def counted(call: RequestContext[Any, Any]) -> Reply:
        tenant = call.principal.tenant
        if _DECIDES in call.principal.scopes:
            call.scope[APPROVALS_WAITING] = await call.context.database.read(
                lambda tx: count_approvals(tx, tenant, now_us=call.now_us)
            )
        return await handler(call)

    return counted


async def review_waiting(call: RequestContext[Any, Any]) -> int:
    """Count the top-ups waiting for review. Return 0 unless the reader is an operator."""
    if ADMIN not in call.principal.scopes:
        return 0
    environment, now_us = call.principal.environment, call.now_us
    number = await call.context.database.read(
        lambda tx: count_waiting(tx, environment, now_us=now_us)
    )
    call.scope[REVIEW_WAITING] = number
    return number


async def overlooked_s(call: RequestContext[Any, Any]) -> int:
    """Return how long due webhooks have waited unclaimed, in seconds. Return 0 unless the reader is an operator."""
    if ADMIN not in call.principal.scopes:
        return 0
    now_us = call.now_us
    attempt_us_max = round(call.context.settings.webhook_timeout_s * SECOND_US)
    backlog = await call.context.database.read(
        lambda tx: measure(tx, now_us=now_us, attempt_us_max=attempt_us_max)
    )
    return backlog.overlooked_us // SECOND_US
