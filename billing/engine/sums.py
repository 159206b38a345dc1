"""The rows of spend_windows in one transaction: read, changed in memory, written once."""

from collections.abc import Iterable, Mapping

import msgspec

from keys import caps
from keys.caps import Window
from keys.counter import Detail, detail_text, read_detail
from store.database import BatchRead, Transaction


class Sum(msgspec.Struct, gc=False):
    """One row: its value and what this transaction added. detail None: not read. is_derived: computed from
    other rows, not written here.
    """

    spent_micros: int
    account_id: str = ""
    added_micros: int = 0
    detail: Detail | None = None
    is_detail_changed: bool = False
    is_derived: bool = False

    def add(self, account_id: str, amount_micros: int) -> None:
        self.account_id = account_id
        self.added_micros += amount_micros
        self.spent_micros = max(0, self.spent_micros + amount_micros)

    def change_detail(self, account_id: str) -> Detail:
        assert self.detail is not None, "it was asked for"
        self.account_id = account_id
        self.is_detail_changed = True
        return self.detail


class Sums:
    """The rows by name; a row that wasn't read is empty."""

    def __init__(self) -> None:
        self._read: dict[Window, int] = {}
        self._details: dict[Window, str] = {}
        self._sums: dict[Window, Sum] = {}

    def reading(self, windows: Iterable[Window]) -> BatchRead:
        return caps.windows_reading(windows, self._read, self._details)

    def today_reading(
        self, key_ids: Iterable[str], now_us: int, windows: Iterable[Window]
    ) -> BatchRead:
        """Return the read of the keys' rows of today and this month, and of the named rows."""
        return caps.today_reading(key_ids, now_us, windows, self._read, self._details)

    def of(self, window: Window) -> Sum:
        found = self._sums.get(window)
        if found is None:
            found = self._sums[window] = Sum(self._read.get(window, 0))
        return found

    def detailed(self, window: Window) -> Sum:
        found = self.of(window)
        if found.detail is None:
            found.detail = read_detail(self._details.get(window))
        return found

    def derived(self, window: Window, spent_micros: int) -> Sum:
        found = self._sums.get(window)
        if found is None:
            found = self._sums[window] = Sum(spent_micros, is_derived=True)
        return self.detailed(window)

    def known(self, window: Window) -> Sum | None:
        return self._sums.get(window)

    def spent(self) -> Mapping[Window, int]:
        changed = {window: one.spent_micros for window, one in self._sums.items()}
        return {**self._read, **changed}

    async def flush(self, tx: Transaction) -> None:
        rows = []
        details: dict[Window, str] = {}
        for window, one in self._sums.items():
            added_micros = 0 if one.is_derived else one.added_micros
            if one.is_detail_changed and one.detail is not None:
                details[window] = detail_text(one.detail)
            elif not added_micros:
                continue
            rows.append((*window, one.account_id, added_micros))
        if rows:
            await caps.add_windows(tx, sorted(rows), details)
