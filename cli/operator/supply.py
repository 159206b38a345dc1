"""What `topup platforms`, `topup suppliers`, `topup stock` and `topup topups` do alike: one act on an
installation that is opened whole, since secrets are sealed and top-ups settled by its own parts.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from cli.output import run
from kernel.errors import InvalidInput
from runtime.context import Context, open_context
from runtime.installation import known_secret_key
from runtime.settings import load_settings
from store.database import Transaction

T = TypeVar("T")


def opened(act: Callable[[Context], Awaitable[T]]) -> T:
    """The act's result, at the configured installation; beside `topup dev` under its own key."""
    settings = load_settings()
    with_key = settings.model_copy(update={"secret_key": SecretStr(known_secret_key(settings))})

    async def acted() -> T:
        async with open_context(with_key) as context:
            return await act(context)

    return run(acted())


def in_one(act: Callable[[Context, Transaction, int], Awaitable[T]]) -> T:
    """Likewise, in one transaction, with the time of the act."""

    async def whole(context: Context) -> T:
        now_us = context.clock.now_us()
        return await context.database.transaction(lambda tx: act(context, tx, now_us))

    return opened(whole)


def options_of(given: tuple[str, ...], secrets: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE options; secrets come as NAME=@FILE or NAME=-, so that no list of processes shows
    them. An empty value takes the option away. Raises InvalidInput.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, value = _pair(text)
        found[name] = value or None
    for text in secrets:
        name, value = _pair(text)
        found[name] = _secret(value)
    return found


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise InvalidInput("an option is NAME=VALUE", param="options")
    return name.strip().replace("-", "_"), value


def _secret(value: str) -> str:
    if value == "-":
        return sys.stdin.readline(4_096).strip()
    if not value.startswith("@"):
        raise InvalidInput("a secret is NAME=@FILE, or NAME=- for standard input", param="secret")
    try:
        with Path(value[1:]).open(encoding="utf-8") as file:
            text = file.readline(4_096).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise InvalidInput(f"{value[1:]}: {reason}", param="secret") from None
    if not text:
        raise InvalidInput(f"{value[1:]}: its first line is empty", param="secret")
    return text
