"""Count what waits for operators."""

from typing import Any

from billing.manual_review.waiting import count_waiting
from gateway.html.render import REVIEW_WAITING
from gateway.http.request_context import RequestContext
from kernel.clock import SECOND_US
from keys.principal import ADMIN
from webhooks.deliveries.backlog import look


async def review_waiting(call: RequestContext[Any, Any]) -> int:
    """Count the top-ups for review, also for the page's menu; 0 for other readers."""
    if ADMIN not in call.principal.scopes:
        return 0
    environment, now_us = call.principal.environment, call.now_us
    number = await call.context.database.read(
        lambda tx: count_waiting(tx, environment, now_us=now_us)
    )
    call.scope[REVIEW_WAITING] = number
    return number


async def overlooked_s(call: RequestContext[Any, Any]) -> int:
    """Return for how long webhooks wait unclaimed; 0 for other readers."""
    if ADMIN not in call.principal.scopes:
        return 0
    now_us = call.now_us
    attempt_us_max = round(call.context.settings.webhook_timeout_s * SECOND_US)
    backlog = await call.context.database.read(
        lambda tx: look(tx, now_us=now_us, attempt_us_max=attempt_us_max)
    )
    return backlog.overlooked_us // SECOND_US
