"""How soon a credential that has ended is refused."""

import time
from collections.abc import Awaitable, Callable


async def are_all_refused(ask: Callable[[], Awaitable[list[int]]], *, within_s: float) -> bool:
    """Whether each gateway refuses whoever asks so many seconds from now. Who asked before and was
    answered late says nothing.
    """
    until_s = time.monotonic() + within_s
    while True:
        asked_s = time.monotonic()
        statuses = set(await ask())
        if statuses == {401}:
            return True
        if asked_s >= until_s:
            return False
