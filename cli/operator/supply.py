"""Run one act on the opened installation, for `topup platforms`, `suppliers`, `stock` and `desk`.

Secrets are sealed and top-ups settled by the installation's own parts.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import SecretStr

from cli.output import run
from runtime.context import Context, open_context
from runtime.installation import known_secret_key
from runtime.settings import load_settings
from store.database import Transaction

T = TypeVar("T")


def opened(act: Callable[[Context], Awaitable[T]]) -> T:
    """Return the act's result; beside `topup dev` under its own key."""
    settings = load_settings()
    with_key = settings.model_copy(update={"secret_key": SecretStr(known_secret_key(settings))})

    async def acted() -> T:
        async with open_context(with_key) as context:
            return await act(context)

    return run(acted())


def in_one(act: Callable[[Context, Transaction, int], Awaitable[T]]) -> T:
    """Return it from one transaction, with the time of the act."""

    async def whole(context: Context) -> T:
        now_us = context.clock.now_us()
        return await context.database.transaction(lambda tx: act(context, tx, now_us))

    return opened(whole)
