"""Open all parts of the installation, and run a function with them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import SecretStr

from cli.output import run
from runtime.context import Context, open_context
from runtime.installation import known_secret_key
from runtime.settings import load_settings

T = TypeVar("T")


def opened(act: Callable[[Context], Awaitable[T]]) -> T:
    """Run the act and return its result. Without TOPUP_SECRET_KEY, use the master key of `topup dev`."""
    settings = load_settings()
    with_key = settings.model_copy(update={"secret_key": SecretStr(known_secret_key(settings))})

    async def acted() -> T:
        async with open_context(with_key) as context:
            return await act(context)

    return run(acted())
