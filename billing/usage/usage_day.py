"""An account's usage by UTC day, key or app, and model: sums beside the records.

A charge counts in its day, a captured hold in the day it was set aside, as in the caps. A row is the sum of
its records with that `counted_day`: both are written in one transaction, under the account's lock; `topup
audit` proves it.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from billing.engine.batch_state import ReadSet, WorkingSet
from kernel.clock import day_start_us
from store.database import Transaction

DayKey = tuple[str, str, int, str, str, str]
_COLUMNS: Final = (
    "account_id",
    "environment",
    "day_start_at",
    "key_id",
    "app_id",
    "model",
    "records",
    "amount_micros",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
)
_SUMS: Final = _COLUMNS[6:]


class Spent(msgspec.Struct, frozen=True, gc=False):
    account_id: str
    environment: str
    created_at: int
    key_id: str | None
    app_id: str | None
    model: str | None
    amount_micros: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None

    @property
    def day_start_at(self) -> int:
        return day_start_us(self.created_at)


class UsageDays(WorkingSet):
    rank = 81

    def __init__(self) -> None:
        self._added: dict[DayKey, list[int]] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None: ...

    async def update(self, tx: Transaction, now_us: int) -> None: ...

    async def insert(self, tx: Transaction) -> None:
        rows = [(*place, *sums) for place, sums in sorted(self._added.items())]
        await tx.insert_deferred("usage_days", _COLUMNS, rows, on_conflict=_ADD)

    def add(self, spent: Spent) -> int:
        """Count it; return the start of its UTC day."""
        self.changes += 1
        day_start_at = spent.day_start_at
        place = (
            spent.account_id,
            spent.environment,
            day_start_at,
            spent.key_id or "",
            spent.app_id or "",
            spent.model or "",
        )
        sums = self._added.get(place)
        if sums is None:
            sums = self._added[place] = [0, 0, 0, 0, 0]
        sums[0] += 1
        sums[1] += spent.amount_micros
        sums[2] += spent.input_tokens or 0
        sums[3] += spent.output_tokens or 0
        sums[4] += spent.cached_tokens or 0
        return day_start_at


async def add_days(tx: Transaction, spent: Iterable[Spent]) -> None:
    days = UsageDays()
    for one in spent:
        days.add(one)
    await days.insert(tx)


_ADD = f"""ON CONFLICT ({", ".join(_COLUMNS[:6])}) DO UPDATE SET
    {", ".join(f"{name} = usage_days.{name} + excluded.{name}" for name in _SUMS)}"""
