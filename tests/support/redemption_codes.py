"""Redemption codes of a running gateway, as `topup code-batches create` makes them."""

from collections.abc import Sequence
from typing import Any

from billing.credits.redemption_code import NewBatch, make
from keys.principal import Environment
from tests.support.gateway import Gateway


async def codes_of(
    gateway: Gateway,
    worth_credits: int = 1000,
    count: int = 1,
    *,
    environment: Environment = "staging",
    **more: Any,
) -> list[str]:
    """Fresh codes."""
    made: list[str] = []

    def keep(step: Sequence[str]) -> None:
        made.extend(step)

    context = gateway.context
    await make(
        context.database,
        context.redemption_codes,
        NewBatch(environment=environment, credits=worth_credits, count=count, **more),
        keep=keep,
        now_us=context.clock.now_us(),
    )
    return made
