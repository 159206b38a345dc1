"""The limit of how long a server may take to answer, kept by this side.

One timer for a transaction: one of the driver's own for each statement would cost three times the
statement [39 us of a SELECT 1 against 13].
"""

import asyncio
from collections.abc import Callable
from typing import Final

# A timer that comes later than this was held up by this process itself.
LATE_S: Final = 0.5
AGAIN_S: Final = 1.0


class Guard:
    """Calls on_silence after answer_s, unless it is cancelled before."""

    __slots__ = ("_loop", "_on_silence", "_timer")

    def __init__(self, on_silence: Callable[[], None], answer_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_silence = on_silence
        self._timer = self._loop.call_later(answer_s, self._fire)

    def cancel(self) -> None:
        self._timer.cancel()

    def _fire(self) -> None:
        if self._loop.time() - self._timer.when() > LATE_S:
            # This process was stopped for a while: the answer may be here and not yet read.
            self._timer = self._loop.call_later(AGAIN_S, self._fire)
        else:
            self._on_silence()
