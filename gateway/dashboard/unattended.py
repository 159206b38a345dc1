"""What an operator sees on his first pages: whether webhooks are due that no worker looks after."""

from typing import Any

from gateway.http.request_context import RequestContext
from kernel.clock import SECOND_US
from keys.principal import ADMIN
from webhooks.deliveries.backlog import look


async def overlooked_s(call: RequestContext[Any, Any]) -> int:
    """For how many seconds; 0: none is, or the reader is no operator and sees nothing of it."""
    if ADMIN not in call.principal.scopes:
        return 0
    now_us = call.now_us
    attempt_us_max = round(call.context.settings.webhook_timeout_s * SECOND_US)
    backlog = await call.context.database.read(
        lambda tx: look(tx, now_us=now_us, attempt_us_max=attempt_us_max)
    )
    return backlog.overlooked_us // SECOND_US
