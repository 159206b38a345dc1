"""A breaker for each supplier: one that fails to respond several times in a row rests.

Its top-ups wait uncounted, and continue when one call after the rest succeeds. That call prefers a top-up
without a failed call: only its failure lengthens the next rest, so a few bad top-ups hold back no others. The
state is in memory.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FAILURES_MAX: Final = 5
# How many top-ups without a response are distinguished.
SILENT_MAX: Final = 1_000
REST_S_FIRST: Final = 30.0
REST_S_MAX: Final = 600.0

SupplierPlace = tuple[str, str]  # environment, supplier


@dataclass(slots=True)
class _State:
    silent: set[str] = field(default_factory=set)  # top-ups that got no word since its last one
    rests: int = 0
    until_s: float = 0.0
    is_probed: bool = False  # one ask is under way after a rest


class Breakers:
    """now_s is a clock that is never set."""

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, *, failures_max: int = FAILURES_MAX
    ) -> None:
        self._now_s = now_s
        self._failures_max = failures_max
        self._states: dict[SupplierPlace, _State] = {}

    def begins(self, place: SupplierPlace) -> None:
        state = self._states.get(place)
        if state is not None and state.rests:
            state.is_probed = True

    def answered(self, place: SupplierPlace) -> bool:
        """Note that it responded; return whether it rested before."""
        state = self._states.pop(place, None)
        return state is not None and state.rests > 0

    def gave_no_word(self, place: SupplierPlace, topup_id: str) -> bool:
        """Note that it didn't respond for this top-up; return whether its rest begins now."""
        state = self._states.setdefault(place, _State())
        was_probed, state.is_probed = state.is_probed, False
        is_fresh = topup_id not in state.silent
        if is_fresh and len(state.silent) < SILENT_MAX:
            state.silent.add(topup_id)
        if len(state.silent) < self._failures_max or (state.rests and not was_probed):
            return False
        if state.rests and not is_fresh:
            # It says nothing about the supplier: a fresh top-up tries it soon.
            state.until_s = self._now_s() + REST_S_FIRST
            return False
        rest_s = min(REST_S_MAX, REST_S_FIRST * 2.0 ** min(state.rests, 10))
        state.until_s, state.rests = self._now_s() + rest_s, state.rests + 1
        return state.rests == 1

    def ended(self, place: SupplierPlace) -> None:
        state = self._states.get(place)
        if state is not None:
            state.is_probed = False

    def left_alone(self) -> list[SupplierPlace]:
        return sorted(place for place, state in self._states.items() if state.rests)

    def to_be_tried(self) -> dict[SupplierPlace, list[str]]:
        now_s = self._now_s()
        return {
            place: sorted(state.silent)
            for place, state in sorted(self._states.items())
            if state.rests and state.until_s <= now_s and not state.is_probed
        }

    def next_s(self) -> float | None:
        now_s = self._now_s()
        waits = [one.until_s - now_s for one in self._states.values() if one.until_s > now_s]
        return min(waits, default=None)
