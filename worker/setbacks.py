"""Items that a loop couldn't handle: each waits alone, longer each time.

In memory: another worker, or a restart, tries the item again. So nothing is given up, and a failure at the
head of a sweep blocks nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WAIT_S_FIRST: Final = 1.0
WAIT_S_MAX: Final = 300.0
ITEMS_MAX: Final = 1_000


@dataclass(slots=True)
class _Setback:
    times: int
    until_s: float


class Setbacks:
    """now_s is a clock that is never set."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._items: dict[str, _Setback] = {}

    def failed(self, item: str) -> None:
        """Hold the item back: a second at first, then twice as long each time, up to five minutes."""
        known = self._items.pop(item, None)
        times = 1 if known is None else known.times + 1
        wait_s = min(WAIT_S_MAX, WAIT_S_FIRST * 2.0 ** min(times - 1, 16))
        if len(self._items) >= ITEMS_MAX:
            del self._items[next(iter(self._items))]
        self._items[item] = _Setback(times, self._now_s() + wait_s)

    def went_well(self, *items: str) -> None:
        for item in items:
            self._items.pop(item, None)

    def held_back(self) -> list[str]:
        now_s = self._now_s()
        return sorted(item for item, one in self._items.items() if one.until_s > now_s)

    def next_s(self) -> float | None:
        now_s = self._now_s()
        waits = [one.until_s - now_s for one in self._items.values() if one.until_s > now_s]
        return min(waits, default=None)
