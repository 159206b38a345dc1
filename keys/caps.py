"""Spend caps: what a key and its descendants may debit in one call, one UTC day, one UTC month.

A further window counts a UTC day's sends without an approval, for keys with a threshold for that. Every debit
counts against the key and all its ancestors in the debit's own transaction, under the account's lock. A
refund is subtracted from the window that counted the spend. Invariant: spent_micros is what was debited less
what came back, and never negative. Writes spend_windows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal, NamedTuple, Protocol

from kernel.clock import (
    DAY_US,
    SECOND_US,
    day_start_us,
    month_start_us,
    next_month_start_us,
    rfc3339,
)
from kernel.errors import DomainError
from keys.counter import CounterRow
from store.database import BatchRead, Rows, Transaction

Period = Literal["day", "month", "unapproved"]
Window = CounterRow  # key id, period, start in microseconds
MICROS_PER_CENT = 10_000
CAP_CENTS_MAX = 10**13  # the same in micros is still far from the end of int64
_ROW = "SELECT w.key_id, w.period, w.window_start_at, w.spent_micros, w.detail"
_WINDOWS = f"""
{_ROW}
FROM :windows[key_id text, period text, start bigint] AS v
CROSS JOIN spend_windows w
WHERE w.key_id = v.key_id AND w.period = v.period AND w.window_start_at = v.start
"""
# All keys share the windows of a moment; naming each took twice as long.
_TODAY = f"""
{_ROW}
FROM spend_windows w
WHERE w.key_id IN :key_ids[text] AND w.period IN ('day', 'unapproved') AND w.window_start_at = :day
UNION ALL
{_ROW}
FROM spend_windows w
WHERE w.key_id IN :key_ids[text] AND w.period = 'month' AND w.window_start_at = :month
UNION ALL
{_WINDOWS}"""
_COLUMNS = ("key_id", "period", "window_start_at", "account_id", "spent_micros")
_ADD = """ON CONFLICT (key_id, period, window_start_at) DO UPDATE
    SET spent_micros = spend_windows.spent_micros + excluded.spent_micros"""
_GIVE_BACK = """
UPDATE spend_windows SET spent_micros = GREATEST(0, spend_windows.spent_micros - v.back_micros)
FROM :rows[key_id text, period text, start bigint, back_micros bigint] AS v
WHERE spend_windows.key_id = v.key_id AND spend_windows.period = v.period
  AND spend_windows.window_start_at = v.start
"""
# As the index has it; see keys/counter.py for the names.
_OF_RECIPIENTS = "period >= 'same:' AND period < 'to;'"
_PERIODS: tuple[Period, ...] = ("day", "month")  # the ones that have a cap


class Capped(Protocol):
    """The fields needed of a key's state, as in keys/api_keys/key_state.py: KeyState."""

    @property
    def id(self) -> str: ...
    @property
    def per_call_cents(self) -> int | None: ...
    @property
    def per_day_cents(self) -> int | None: ...
    @property
    def per_month_cents(self) -> int | None: ...


class CapExceeded(DomainError):
    """A cap of the key or of an ancestor leaves no room for the amount.

    reason is per_call, per_day or per_month. extra holds the key's id, the cap as `limit` and what it leaves
    as `remaining`, both in cents, and `resets_at` (RFC 3339; null for one call's cap).
    """


@dataclass(frozen=True, slots=True)
class WindowView:
    """The tightest window of one period, in cents: remaining_cents is rounded down, spent_cents up. resets_at
    is in microseconds.
    """

    key_id: str
    period: Period
    cap_cents: int
    spent_cents: int
    remaining_cents: int
    resets_at: int


def windows_of(now_us: int) -> tuple[tuple[Period, int], tuple[Period, int]]:
    """Return the current UTC day and UTC month, with their first microsecond."""
    return _windows_of_day(day_start_us(now_us))


def unapproved_window(key_id: str, now_us: int) -> Window:
    return (key_id, "unapproved", windows_of(now_us)[0][1])


@lru_cache(maxsize=8)
def _windows_of_day(day_start: int) -> tuple[tuple[Period, int], tuple[Period, int]]:
    return (("day", day_start), ("month", month_start_us(day_start)))


async def load_windows(tx: Transaction, windows: Iterable[Window]) -> dict[Window, int]:
    """Return spent_micros of the windows that exist."""
    found: dict[Window, int] = {}
    await tx.fetch_many([windows_reading(windows, found)])
    return found


def windows_reading(
    windows: Iterable[Window],
    into: dict[Window, int],
    details: dict[Window, str] | None = None,
) -> BatchRead:
    """Return the read of load_windows, to run it with others; details: of the rows that have one."""
    wanted = sorted(set(windows))
    take = partial(_take, into, details)
    return BatchRead(_WINDOWS if wanted else "", take, windows=wanted)


def today_reading(
    key_ids: Iterable[str],
    now_us: int,
    windows: Iterable[Window],
    into: dict[Window, int],
    details: dict[Window, str],
) -> BatchRead:
    """Return the read of the keys' day and month, the day's sends without an approval, and the named windows."""
    (_, day), (_, month) = windows_of(now_us)
    ids, named = sorted(set(key_ids)), sorted(set(windows))
    text = _TODAY if ids or named else ""
    take = partial(_take, into, details)
    return BatchRead(text, take, key_ids=ids, day=day, month=month, windows=named)


def _take(into: dict[Window, int], details: dict[Window, str] | None, rows: Rows) -> None:
    for row in rows:
        into[row[0], row[1], row[2]] = row[3]
        if row[4] is not None and details is not None:
            details[row[0], row[1], row[2]] = row[4]


async def add_windows(
    tx: Transaction,
    changes: Iterable[tuple[str, str, int, str, int]],
    details: Mapping[Window, str] | None = None,
) -> None:
    """Add (key id, period, start, account id, delta in micros); deltas of one window are summed.

    details: further changes of the rows, each of which is among the changes. Windows that grow and those that
    shrink take a statement each, because a row offered to an upsert must itself pass the table's check. No
    window goes below 0. The caller holds the lock of every account concerned.
    """
    sums: dict[tuple[str, str, int, str], int] = {}
    for key_id, period, start, account_id, delta in changes:
        at = (key_id, period, start, account_id)
        sums[at] = sums.get(at, 0) + delta
    if details:
        await _add_with_details(tx, sums, details)
    else:
        grown = sorted((*at, delta) for at, delta in sums.items() if delta > 0)
        await tx.insert_deferred("spend_windows", _COLUMNS, grown, on_conflict=_ADD)
    given_back = sorted((*at[:3], -delta) for at, delta in sums.items() if delta < 0)
    if not given_back:
        return
    if details and any(one[:3] in details for one in given_back):
        # Such a row was offered above, and one round trip doesn't write a row twice.
        await tx.execute(_GIVE_BACK, rows=given_back)
    else:
        await tx.execute_deferred(_GIVE_BACK, touching=None, rows=given_back)


async def _add_with_details(
    tx: Transaction,
    sums: Mapping[tuple[str, str, int, str], int],
    details: Mapping[Window, str],
) -> None:
    rows = sorted(
        (
            (*at, max(0, delta), details.get((at[0], at[1], at[2])))
            for at, delta in sums.items()
            if delta > 0 or (at[0], at[1], at[2]) in details
        ),
        key=lambda row: row[:3],
    )
    await tx.insert_deferred(
        "spend_windows",
        (*_COLUMNS, "detail"),
        rows,
        on_conflict=f"{_ADD}, detail = COALESCE(excluded.detail, spend_windows.detail)",
    )


async def prune_recipients(tx: Transaction, *, before_us: int, limit: int) -> int:
    """Delete counters of single recipients in periods that began before; return how many rows."""
    return await tx.execute(
        f"""DELETE FROM spend_windows WHERE {_OF_RECIPIENTS} AND window_start_at < :before
            AND (key_id, period, window_start_at) IN (
                SELECT key_id, period, window_start_at FROM spend_windows
                WHERE {_OF_RECIPIENTS} AND window_start_at < :before
                ORDER BY window_start_at LIMIT :limit)""",
        before=before_us,
        limit=limit,
    )


def first_cap_exceeded(
    states: Sequence[Capped], spent: Mapping[Window, int], amount_micros: int, now_us: int
) -> CapExceeded | None:
    """Return the refusal of a debit by the key or an ancestor, or None if every cap has room.

    states begin with the key, ancestors follow. Among several caps the one that waiting helps least is named:
    one call, then month, then day; among several keys the nearest. A debit that ends exactly at the cap
    passes.
    """
    assert amount_micros >= 0, "a debit is not negative"
    for state in states:
        cents = state.per_call_cents
        if cents is not None and amount_micros > cents * MICROS_PER_CENT:
            return _exceeded("per_call", state.id, limit=cents, remaining=cents)
    for period in reversed(_PERIODS):
        for used in _used(period, states, spent, now_us):
            if amount_micros > max(0, used.left_micros):
                view = _view(period, used, now_us)
                return _exceeded(
                    f"per_{period}",
                    view.key_id,
                    limit=view.cap_cents,
                    remaining=view.remaining_cents,
                    resets_at=view.resets_at,
                    now_us=now_us,
                )
    return None


def tightest_remaining_micros(
    states: Sequence[Capped], spent: Mapping[Window, int], now_us: int
) -> int | None:
    """Return the largest debit that every cap of the lineage still allows, or None without a cap."""
    rooms = [
        max(0, used.left_micros)
        for period in _PERIODS
        for used in _used(period, states, spent, now_us)
    ]
    per_call = tightest_per_call_cents(states)
    if per_call is not None:
        rooms.append(per_call * MICROS_PER_CENT)
    return min(rooms, default=None)


def tightest_per_call_cents(states: Iterable[Capped]) -> int | None:
    return min((s.per_call_cents for s in states if s.per_call_cents is not None), default=None)


def tightest_windows(
    states: Sequence[Capped], spent: Mapping[Window, int], now_us: int
) -> list[WindowView]:
    tightest: list[WindowView] = []
    for period in _PERIODS:
        used = _used(period, states, spent, now_us)
        if used:
            tightest.append(_view(period, min(used, key=lambda each: each.left_micros), now_us))
    return tightest


class _Used(NamedTuple):
    """A capped key's window; left_micros is negative if the cap was lowered below what was spent."""

    key_id: str
    cap_cents: int
    spent_micros: int
    left_micros: int


def _used(
    period: Period, states: Iterable[Capped], spent: Mapping[Window, int], now_us: int
) -> list[_Used]:
    is_day = period == "day"
    caps = [
        (state.id, state.per_day_cents if is_day else state.per_month_cents) for state in states
    ]
    capped = [(key_id, cents) for key_id, cents in caps if cents is not None]
    if not capped:
        return []
    start = windows_of(now_us)[0 if is_day else 1][1]
    found: list[_Used] = []
    for key_id, cents in capped:
        spent_micros = spent.get((key_id, period, start), 0)
        found.append(_Used(key_id, cents, spent_micros, cents * MICROS_PER_CENT - spent_micros))
    return found


def _view(period: Period, used: _Used, now_us: int) -> WindowView:
    is_day = period == "day"
    return WindowView(
        key_id=used.key_id,
        period=period,
        cap_cents=used.cap_cents,
        spent_cents=-(-used.spent_micros // MICROS_PER_CENT),
        remaining_cents=max(0, used.left_micros // MICROS_PER_CENT),
        resets_at=day_start_us(now_us) + DAY_US if is_day else next_month_start_us(now_us),
    )


def _exceeded(
    cap: str,
    key_id: str,
    *,
    limit: int,
    remaining: int,
    resets_at: int | None = None,
    now_us: int = 0,
) -> CapExceeded:
    wait_s = None if resets_at is None else -((now_us - resets_at) // SECOND_US)
    return CapExceeded(
        f"The key's {cap} cap of {limit} cents leaves {remaining} cents.",
        reason=cap,
        retry_after_s=wait_s,
        extra={
            "cap": cap,
            "key_id": key_id,
            "limit": limit,
            "remaining": remaining,
            "resets_at": None if resets_at is None else rfc3339(resets_at),
        },
    )
