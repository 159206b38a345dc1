"""What keys have spent of their caps, and accounts of their test credit, in one transaction.

Counted in the windows of the moment of spending, for the key and all its ancestors; what is given
back goes to the window it was spent in. Written by keys/caps.py, under the tenants' locks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from billing.ledger.money import MICROS_PER_CENT
from keys import caps
from keys.api_keys.api_key import KeyState, key_states_reading
from keys.caps import Window
from store.database import BatchRead, Transaction

Lineage = tuple[str, ...]
KeyEnd = Literal["revoked", "expired"]


def funding_window(account_id: str, now_us: int) -> Window:
    """Test credit is counted like spending, under the account's id in place of a key's."""
    period, start = caps.windows_of(now_us)[0]
    return (account_id, period, start)


class _Sum(msgspec.Struct, gc=False):
    """One window: what it holds, what this transaction added, and whose it is."""

    spent_micros: int
    account_id: str = ""
    added_micros: int = 0

    def add(self, account_id: str, amount_micros: int) -> None:
        self.account_id = account_id
        self.added_micros += amount_micros
        self.spent_micros = max(0, self.spent_micros + amount_micros)


class _LineageLimits(msgspec.Struct, frozen=True, gc=False):
    """What a key and its ancestors allow.

    ended: how one of them ended. limits: (window, the most it may hold) of each cap; a cap on one
    call has no window. approval_threshold_cents: the lowest amount above which a person decides.
    unasked: (window, the most) of what may be sent on one day without asking.
    """

    ended: KeyEnd | None
    limits: Sequence[tuple[_Sum | None, int]] = ()
    approval_threshold_cents: int | None = None
    unasked: Sequence[tuple[_Sum, int]] = ()


class Spending:
    """The keys' states and their windows; changed in memory, written by `flush`."""

    def __init__(self, now_us: int) -> None:
        self.key_states: dict[str, KeyState] = {}
        self.changes = 0
        self._now_us = now_us
        self._read: dict[Window, int] = {}
        self._sums: dict[Window, _Sum] = {}
        # Of each lineage of the batch, worked out once. The windows apart: what an app may spend is
        # counted under its grant, which is no key.
        self._lines: dict[Lineage, _LineageLimits] = {}
        self._windows: dict[Lineage, list[_Sum]] = {}

    def readings(self, key_ids: set[str], windows: Iterable[Window]) -> list[BatchRead]:
        """The keys' states, and their windows beside the named ones."""
        wanted: set[Window] = {
            (key_id, period, start)
            for key_id in key_ids
            for period, start in caps.windows_of(self._now_us)
        }
        wanted.update(caps.unapproved_window(key_id, self._now_us) for key_id in key_ids)
        wanted.update(windows)
        return [
            key_states_reading(key_ids, self.key_states),
            caps.windows_reading(wanted, self._read),
        ]

    async def flush(self, tx: Transaction) -> None:
        added = sorted((window, one) for window, one in self._sums.items() if one.added_micros)
        if added:
            rows = [(*window, one.account_id, one.added_micros) for window, one in added]
            await caps.add_windows(tx, rows)

    def end_of(self, lineage: Lineage) -> KeyEnd | None:
        """How the key or an ancestor ended, or None."""
        return self._line(lineage).ended

    def needs_approval(self, lineage: Lineage, amount_cents: int) -> bool:
        """Whether a person decides: by the amount, or by what the day sent without asking."""
        line = self._line(lineage)
        threshold_cents = line.approval_threshold_cents
        if threshold_cents is not None and amount_cents > threshold_cents:
            return True
        amount_micros = amount_cents * MICROS_PER_CENT
        return any(day.spent_micros + amount_micros > most for day, most in line.unasked)

    def check(self, lineage: Lineage, amount_micros: int) -> None:
        """Raises CapExceeded where the key or an ancestor has no room."""
        line = self._line(lineage)
        assert line.ended is None, "who ended was refused before"
        for window, limit_micros in line.limits:
            used_micros = 0 if window is None else window.spent_micros
            if used_micros + amount_micros > limit_micros:
                self._refuse(lineage, amount_micros)

    def remaining_micros(self, lineage: Lineage) -> int | None:
        """What the tightest cap leaves, None without one."""
        states = [self.key_states[key_id] for key_id in lineage]
        return caps.tightest_remaining_micros(states, self._spent(), self._now_us)

    def count(self, account_id: str, lineage: Lineage, amount_micros: int, at: int) -> None:
        """Adds to (or with a negative amount gives back to) the windows of the moment of spending."""
        if at == self._now_us:
            windows = self._windows.get(lineage)
            if windows is None:
                windows = self._windows[lineage] = self._windows_of(lineage, at)
        else:
            windows = self._windows_of(lineage, at)
        for window in windows:
            window.add(account_id, amount_micros)

    def count_unasked(self, account_id: str, lineage: Lineage, amount_micros: int) -> None:
        """A send that waits for no approval, in the day's windows of those that limit such sends."""
        for day, _ in self._line(lineage).unasked:
            day.add(account_id, amount_micros)

    def give_back_unasked(
        self, account_id: str, lineage: Lineage, amount_micros: int, at: int
    ) -> None:
        """Such a send, made at that moment, did not come about; a window with nothing stays so."""
        for key_id in lineage:
            day = self._sum(caps.unapproved_window(key_id, at))
            if day.spent_micros:
                day.add(account_id, -amount_micros)

    def spent_micros(self, window: Window) -> int:
        """What was counted in a window that was loaded, together with this transaction's."""
        return self._sum(window).spent_micros

    def funded_micros(self, account_id: str) -> int:
        """Test credit that the account was given today."""
        return self._sum(funding_window(account_id, self._now_us)).spent_micros

    def count_funding(self, account_id: str, amount_micros: int) -> None:
        self.changes += 1
        self._sum(funding_window(account_id, self._now_us)).add(account_id, amount_micros)

    def _line(self, lineage: Lineage) -> _LineageLimits:
        found = self._lines.get(lineage)
        if found is None:
            found = self._lines[lineage] = self._look_at(lineage)
        return found

    def _look_at(self, lineage: Lineage) -> _LineageLimits:
        ended = self._look_for_end(lineage)
        if ended is not None:
            return _LineageLimits(ended)
        states = [self.key_states[key_id] for key_id in lineage]
        thresholds = (state.approval_threshold_cents for state in states)
        return _LineageLimits(
            None,
            self._limits_of(states),
            min((one for one in thresholds if one is not None), default=None),
            [
                (
                    self._sum(caps.unapproved_window(state.id, self._now_us)),
                    state.approval_above_per_day_cents * MICROS_PER_CENT,
                )
                for state in states
                if state.approval_above_per_day_cents is not None
            ],
        )

    def _look_for_end(self, lineage: Lineage) -> KeyEnd | None:
        for key_id in lineage:
            state = self.key_states.get(key_id)
            if state is None or state.revoked_at is not None:
                return "revoked"
            if state.expires_at is not None and state.expires_at <= self._now_us:
                return "expired"
        return None

    def _limits_of(self, states: Sequence[KeyState]) -> list[tuple[_Sum | None, int]]:
        (day, day_start), (month, month_start) = caps.windows_of(self._now_us)
        found: list[tuple[_Sum | None, int]] = []
        for state in states:
            for window, cents in (
                (None, state.per_call_cents),
                ((state.id, day, day_start), state.per_day_cents),
                ((state.id, month, month_start), state.per_month_cents),
            ):
                if cents is not None:
                    kept = None if window is None else self._sum(window)
                    found.append((kept, cents * MICROS_PER_CENT))
        return found

    def _refuse(self, lineage: Lineage, amount_micros: int) -> None:
        states = [self.key_states[key_id] for key_id in lineage]
        exceeded = caps.first_cap_exceeded(states, self._spent(), amount_micros, self._now_us)
        assert exceeded is not None, "both ways of looking at a cap agree"
        raise exceeded

    def _windows_of(self, lineage: Lineage, at: int) -> list[_Sum]:
        windows = caps.windows_of(at)
        return [
            self._sum((key_id, period, start)) for key_id in lineage for period, start in windows
        ]

    def _sum(self, window: Window) -> _Sum:
        found = self._sums.get(window)
        if found is None:
            found = self._sums[window] = _Sum(self._read.get(window, 0))
        return found

    def _spent(self) -> Mapping[Window, int]:
        """Every window as it is now."""
        changed = {window: one.spent_micros for window, one in self._sums.items()}
        return {**self._read, **changed}
