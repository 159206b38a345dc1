"""What keys have spent of their caps, and accounts of their test credit, in one transaction.

Counted in the windows of the moment of spending, for the key and all its ancestors; what is given
back goes to the window it was spent in. Written by keys/caps.py, under the tenants' locks.
"""

from collections.abc import Iterable, Mapping

from keys import caps
from keys.api_key import KeyState, load_key_states
from keys.caps import Window
from store.db import Transaction


def funding_window(account_id: str, now_us: int) -> Window:
    """Test credit is counted like spending, under the account's id in place of a key's."""
    period, start = caps.windows_of(now_us)[0]
    return (account_id, period, start)


class Spending:
    """The keys' states and their windows; changed in memory, written by `flush`."""

    def __init__(self, now_us: int) -> None:
        self.key_states: Mapping[str, KeyState] = {}
        self.changes = 0
        self._now_us = now_us
        self._spent: dict[Window, int] = {}
        self._deltas: dict[Window, tuple[str, int]] = {}

    async def load(self, tx: Transaction, key_ids: set[str], windows: Iterable[Window]) -> None:
        """Two statements for any number of keys; none without any."""
        wanted: set[Window] = {
            (key_id, period, start)
            for key_id in key_ids
            for period, start in caps.windows_of(self._now_us)
        }
        wanted.update(windows)
        if key_ids:
            self.key_states = await load_key_states(tx, key_ids)
        if wanted:
            self._spent = await caps.load_windows(tx, wanted)

    async def flush(self, tx: Transaction) -> None:
        if self._deltas:
            rows = [(*window, *change) for window, change in sorted(self._deltas.items())]
            await caps.add_windows(tx, rows)

    def check(self, lineage: Iterable[str], amount_micros: int) -> None:
        """Raises CapExceeded where the key or an ancestor has no room."""
        states = [self.key_states[key_id] for key_id in lineage]
        exceeded = caps.first_cap_exceeded(states, self._spent, amount_micros, self._now_us)
        if exceeded is not None:
            raise exceeded

    def remaining_micros(self, lineage: Iterable[str]) -> int | None:
        """What the tightest cap leaves, None without one."""
        states = [self.key_states[key_id] for key_id in lineage]
        return caps.tightest_remaining_micros(states, self._spent, self._now_us)

    def count(self, account_id: str, lineage: Iterable[str], amount_micros: int, at: int) -> None:
        """Adds to (or with a negative amount gives back to) the windows of the moment of spending."""
        for key_id in lineage:
            for period, start in caps.windows_of(at):
                self._add((key_id, period, start), account_id, amount_micros)

    def spent_micros(self, window: Window) -> int:
        """What was counted in a window that was loaded, together with this transaction's."""
        return self._spent.get(window, 0)

    def funded_micros(self, account_id: str) -> int:
        """Test credit that the account was given today."""
        return self._spent.get(funding_window(account_id, self._now_us), 0)

    def count_funding(self, account_id: str, amount_micros: int) -> None:
        self.changes += 1
        self._add(funding_window(account_id, self._now_us), account_id, amount_micros)

    def _add(self, window: Window, account_id: str, amount_micros: int) -> None:
        self._spent[window] = max(0, self._spent.get(window, 0) + amount_micros)
        _, before = self._deltas.get(window, (account_id, 0))
        self._deltas[window] = (account_id, before + amount_micros)
