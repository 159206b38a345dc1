"""A breaker for each supplier: one that gives no word again and again is left alone for a while.

Nothing is failed by it: what is meant for the supplier waits, is not counted as asked, and goes on when
one ask, after the pause, got a word. Kept in memory: another worker finds out for itself, and a restart
asks once more.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FAILURES_MAX: Final = 5
REST_S_FIRST: Final = 30.0
REST_S_MAX: Final = 600.0

SupplierPlace = tuple[str, str]  # environment, supplier


@dataclass(slots=True)
class _State:
    failures: int = 0
    rests: int = 0
    until_s: float = 0.0
    is_probed: bool = False  # one ask is under way after a rest


class Breakers:
    """One for each supplier; now_s is a clock that no one sets."""

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, *, failures_max: int = FAILURES_MAX
    ) -> None:
        self._now_s = now_s
        self._failures_max = failures_max
        self._states: dict[SupplierPlace, _State] = {}

    def begins(self, place: SupplierPlace) -> None:
        """The supplier is about to be asked."""
        state = self._states.get(place)
        if state is not None and state.rests:
            state.is_probed = True

    def answered(self, place: SupplierPlace) -> bool:
        """It gave a word; whether it was left alone before."""
        state = self._states.pop(place, None)
        return state is not None and state.rests > 0

    def gave_no_word(self, place: SupplierPlace) -> bool:
        """It gave none; whether it is left alone from now on, and was not before."""
        state = self._states.setdefault(place, _State())
        was_probed, state.is_probed = state.is_probed, False
        state.failures += 1
        if state.failures < self._failures_max or (state.rests and not was_probed):
            return False
        rest_s = min(REST_S_MAX, REST_S_FIRST * 2.0 ** min(state.rests, 10))
        state.until_s, state.rests = self._now_s() + rest_s, state.rests + 1
        return state.rests == 1

    def ended(self, place: SupplierPlace) -> None:
        """An ask is over that said neither; another one may try."""
        state = self._states.get(place)
        if state is not None:
            state.is_probed = False

    def resting(self) -> list[SupplierPlace]:
        """Those that are not to be asked now, in order."""
        now_s = self._now_s()
        return sorted(
            place
            for place, state in self._states.items()
            if state.rests and (state.until_s > now_s or state.is_probed)
        )

    def room(self, place: SupplierPlace, at_once_max: int) -> int:
        """How many may be asked at once: one where it was left alone and has not answered since."""
        state = self._states.get(place)
        return 1 if state is not None and state.rests else at_once_max

    def next_s(self) -> float | None:
        """In how many seconds the next of them may be asked; None while none is left alone."""
        now_s = self._now_s()
        waits = [one.until_s - now_s for one in self._states.values() if one.until_s > now_s]
        return min(waits, default=None)
