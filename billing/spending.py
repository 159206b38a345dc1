"""What keys have spent of their caps, and accounts of their test credit, in one transaction.

Counted in the windows of the moment of spending, for the key and all its ancestors; what is given
back goes to the window it was spent in. Written by keys/caps.py, under the tenants' locks.
"""

from collections.abc import Iterable

from billing.money import MICROS_PER_CENT
from keys import caps
from keys.api_key import KeyState, key_states_reading
from keys.caps import Window
from store.db import Reading, Transaction

Lineage = tuple[str, ...]


def funding_window(account_id: str, now_us: int) -> Window:
    """Test credit is counted like spending, under the account's id in place of a key's."""
    period, start = caps.windows_of(now_us)[0]
    return (account_id, period, start)


class Spending:
    """The keys' states and their windows; changed in memory, written by `flush`."""

    def __init__(self, now_us: int) -> None:
        self.key_states: dict[str, KeyState] = {}
        self.changes = 0
        self._now_us = now_us
        self._spent: dict[Window, int] = {}
        self._deltas: dict[Window, tuple[str, int]] = {}
        # Of each lineage of the batch, worked out once: its caps, and the windows it spends in.
        self._limits: dict[Lineage, list[tuple[Window | None, int]]] = {}
        self._windows: dict[Lineage, list[Window]] = {}

    def readings(self, key_ids: set[str], windows: Iterable[Window]) -> list[Reading]:
        """The keys' states, and their windows beside the named ones."""
        wanted: set[Window] = {
            (key_id, period, start)
            for key_id in key_ids
            for period, start in caps.windows_of(self._now_us)
        }
        wanted.update(windows)
        return [
            key_states_reading(key_ids, self.key_states),
            caps.windows_reading(wanted, self._spent),
        ]

    async def flush(self, tx: Transaction) -> None:
        if self._deltas:
            rows = [(*window, *change) for window, change in sorted(self._deltas.items())]
            await caps.add_windows(tx, rows)

    def check(self, lineage: Lineage, amount_micros: int) -> None:
        """Raises CapExceeded where the key or an ancestor has no room."""
        limits = self._limits.get(lineage)
        if limits is None:
            limits = self._limits[lineage] = self._limits_of(lineage)
        spent = self._spent
        for window, limit_micros in limits:
            used_micros = 0 if window is None else spent.get(window, 0)
            if used_micros + amount_micros > limit_micros:
                self._refuse(lineage, amount_micros)

    def remaining_micros(self, lineage: Lineage) -> int | None:
        """What the tightest cap leaves, None without one."""
        states = [self.key_states[key_id] for key_id in lineage]
        return caps.tightest_remaining_micros(states, self._spent, self._now_us)

    def count(self, account_id: str, lineage: Lineage, amount_micros: int, at: int) -> None:
        """Adds to (or with a negative amount gives back to) the windows of the moment of spending."""
        if at == self._now_us:
            windows = self._windows.get(lineage)
            if windows is None:
                windows = self._windows[lineage] = _windows_of(lineage, at)
        else:
            windows = _windows_of(lineage, at)
        for window in windows:
            self._add(window, account_id, amount_micros)

    def spent_micros(self, window: Window) -> int:
        """What was counted in a window that was loaded, together with this transaction's."""
        return self._spent.get(window, 0)

    def funded_micros(self, account_id: str) -> int:
        """Test credit that the account was given today."""
        return self._spent.get(funding_window(account_id, self._now_us), 0)

    def count_funding(self, account_id: str, amount_micros: int) -> None:
        self.changes += 1
        self._add(funding_window(account_id, self._now_us), account_id, amount_micros)

    def _limits_of(self, lineage: Lineage) -> list[tuple[Window | None, int]]:
        """(window, most it may hold) of each cap; no window: of one call."""
        (day, day_start), (month, month_start) = caps.windows_of(self._now_us)
        found: list[tuple[Window | None, int]] = []
        for key_id in lineage:
            state = self.key_states[key_id]
            for window, cents in (
                (None, state.per_call_cents),
                ((key_id, day, day_start), state.per_day_cents),
                ((key_id, month, month_start), state.per_month_cents),
            ):
                if cents is not None:
                    found.append((window, cents * MICROS_PER_CENT))
        return found

    def _refuse(self, lineage: Lineage, amount_micros: int) -> None:
        states = [self.key_states[key_id] for key_id in lineage]
        exceeded = caps.first_cap_exceeded(states, self._spent, amount_micros, self._now_us)
        assert exceeded is not None, "both ways of looking at a cap agree"
        raise exceeded

    def _add(self, window: Window, account_id: str, amount_micros: int) -> None:
        self._spent[window] = max(0, self._spent.get(window, 0) + amount_micros)
        change = self._deltas.get(window)
        self._deltas[window] = (account_id, amount_micros + (change[1] if change else 0))


def _windows_of(lineage: Lineage, at: int) -> list[Window]:
    return [(key_id, period, start) for key_id in lineage for period, start in caps.windows_of(at)]
