"""Count what keys spend in time windows, and enforce caps.

Every debit counts for the key and all its ancestors. It is counted in the debit's transaction, under the
account's lock. Each row of spend_windows is for a period. A period is a day, a month, or one of these:

- `last:SECONDS`: the micros spent in a rolling window. The detail has them in buckets.
- `count:3600`: the sends in an hour, in buckets.
- `recipients:604800`: the recipients in seven days, in buckets.
- `to:DIGEST`: the micros sent to one recipient on a UTC day.
- `same:DIGEST`: the transactions in seven days with the same recipient, platform and amount.
- `lifetime`: which events were published.
- `account:ENV`: the micros that the whole account spent on a day.

A bucket counts until its last moment has left the window, so a window never allows too much. A spend stores the
rows that counted it (counted_in). Their names begin with `/at/MICROSECONDS` if the account's own clock was
ahead.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import inf
from operator import itemgetter
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from kernel.clock import (
    DAY_US,
    SECOND_US,
    day_start_us,
    month_start_us,
    next_month_start_us,
    rfc3339,
)
from kernel.errors import DomainError
from store.database import BatchRead, Rows, Transaction

CounterRow = tuple[str, str, int]
BUCKETS_MAX: Final = 60
HOUR_S: Final = 3600
WEEK_S: Final = 7 * DAY_US // SECOND_US
LIFETIME: Final = "lifetime"
SENDS: Final = f"count:{HOUR_S}"
RECIPIENTS: Final = f"recipients:{WEEK_S}"
SECONDS_OF: Final[Mapping[str, int]] = {"hour": HOUR_S, "week": WEEK_S}
REPEAT_PERIOD_US: Final = 7 * DAY_US
# In a row's name, this marks a time on the account's own clock.
_AT: Final = "at"
_WHOSE: Final = "~"
# Only this many of a row's sends are stored. There are more only if each was declared distinct.
_SENT_MAX: Final = 20
_encode = msgspec.json.Encoder().encode
Period = Literal["day", "month", "unapproved"]
Window = CounterRow
MICROS_PER_CENT = 10_000
CAP_CENTS_MAX = 10**13  # 10**17 micros, far below the maximum of int64
_ROW = "SELECT w.key_id, w.period, w.window_start_at, w.spent_micros, w.detail"
_WINDOWS = f"""
{_ROW}
FROM :windows[key_id text, period text, start bigint] AS v
CROSS JOIN spend_windows w
WHERE w.key_id = v.key_id AND w.period = v.period AND w.window_start_at = v.start
"""
# A separate condition for each key's window would take twice as long.
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
_OF_RECIPIENTS = "period >= 'same:' AND period < 'to;'"
_PERIODS: tuple[Period, ...] = ("day", "month")


class Detail(msgspec.Struct, omit_defaults=True):
    """What a row stores besides its sum.

    - `buckets`: amounts by bucket number. A recipient counts once, in the bucket of the newest send.
    - `near`, `reached`: when an event was published, and for which limit.
    - `sent`: when each transaction was sent.
    - `recipients`: the sends to each recipient, by bucket.
    """

    buckets: dict[int, int] = {}
    near: tuple[int, int] | None = None
    reached: tuple[int, int] | None = None
    sent: dict[str, int] = {}
    recipients: dict[str, dict[int, int]] = {}


class Counted(NamedTuple):
    """A row that counted a spend. `whose` is the recipient's digest."""

    row: CounterRow
    whose: str = ""

    @property
    def is_sum(self) -> bool:
        return self.row[1].startswith(("to:", "account:"))

    def take_out(
        self, detail: Detail, topup_id: str, amount_micros: int, *, at: int, now_us: int
    ) -> bool:
        """Subtract a spend that was made at `at`. Return whether the row had counted it."""
        kind, _, rest = self.row[1].partition(":")
        if kind == "last":
            add_to_buckets(detail.buckets, int(rest), -amount_micros, at=at, now_us=now_us)
            return True
        if kind == "recipients":
            _count_recipient(detail, self.whose, -1, at=at, now_us=now_us)
            return True
        return detail.sent.pop(topup_id, None) is not None


_decode = msgspec.json.Decoder(Detail).decode


def read_detail(text: str | None) -> Detail:
    return Detail() if text is None else _decode(text)


def detail_text(detail: Detail) -> str:
    return _encode(detail).decode()


def rolling(seconds: int) -> str:
    return f"last:{seconds}"


def add_to_buckets(
    buckets: dict[int, int], seconds: int, amount: int, *, at: int, now_us: int
) -> None:
    width_us = _width_us(seconds)
    number = at // width_us
    left = buckets.get(number, 0) + amount
    if left > 0:
        buckets[number] = left
    else:
        buckets.pop(number, None)
    for old in [one for one in buckets if _leaves_at(one, seconds) <= now_us]:
        del buckets[old]


def held_in_buckets(buckets: Mapping[int, int], seconds: int, now_us: int) -> int:
    """Return the current sum of the window. It may be too high, but never too low."""
    return sum(amount for number, amount in buckets.items() if _leaves_at(number, seconds) > now_us)


def room_at(
    buckets: Mapping[int, int], seconds: int, *, limit: int, amount: int, now_us: int
) -> int | None:
    """Return when the window will have room for the amount, or None if the amount exceeds the limit."""
    if amount > limit:
        return None
    left = held_in_buckets(buckets, seconds, now_us)
    at = now_us
    for number in sorted(buckets):
        if left + amount <= limit:
            break
        if _leaves_at(number, seconds) > now_us:
            left -= buckets[number]
            at = _leaves_at(number, seconds)
    return at


def empty_at(buckets: Mapping[int, int], seconds: int, now_us: int) -> int:
    return max([now_us, *(_leaves_at(number, seconds) for number in buckets)])


def note_sent(sent: dict[str, int], transaction_id: str, *, at: int) -> None:
    sent[transaction_id] = at
    for oldest in sorted(sent, key=lambda one: sent[one])[:-_SENT_MAX]:
        del sent[oldest]


def has_recipient(detail: Detail, email: str, now_us: int) -> bool:
    return held_in_buckets(detail.recipients.get(_person(email), {}), WEEK_S, now_us) > 0


def count_recipient(key_id: str, detail: Detail, email: str, now_us: int) -> CounterRow:
    """Count a send made now. Return what the send stores: the row and the recipient."""
    whose = _person(email)
    _count_recipient(detail, whose, 1, at=now_us, now_us=now_us)
    return (key_id, f"{RECIPIENTS}{_WHOSE}{whose}", 0)


def _count_recipient(detail: Detail, whose: str, sends: int, *, at: int, now_us: int) -> None:
    add_to_buckets(detail.recipients.setdefault(whose, {}), WEEK_S, sends, at=at, now_us=now_us)
    for one, buckets in list(detail.recipients.items()):
        if not held_in_buckets(buckets, WEEK_S, now_us):
            del detail.recipients[one]
    detail.buckets = dict(Counter(max(buckets) for buckets in detail.recipients.values()))


def recipient_place(key_id: str, email: str, day_start: int) -> CounterRow:
    return (key_id, f"to:{_person(email)}", day_start)


def repeat_places(key_id: str, alike: str, now_us: int) -> tuple[CounterRow, CounterRow]:
    start = now_us - now_us % REPEAT_PERIOD_US
    period = f"same:{_digest(alike)}"
    return (key_id, period, start), (key_id, period, start - REPEAT_PERIOD_US)


def account_place(account_id: str, environment: str, day_start: int) -> CounterRow:
    return (account_id, f"account:{environment}", day_start)


def places_text(places: Iterable[CounterRow], *, at: int | None = None) -> str | None:
    named = places if at is None else [("", _AT, at), *places]
    return " ".join(f"{key_id}/{period}/{start}" for key_id, period, start in named) or None


def read_places(text: str | None) -> list[CounterRow]:
    return [counted.row for counted in read_counted(text)]


def read_counted(text: str | None) -> list[Counted]:
    found = []
    for key_id, named, start in _words(text):
        if named != _AT:
            period, _, whose = named.partition(_WHOSE)
            found.append(Counted((key_id, period, start), whose))
    return found


def counted_at(text: str | None, created_at: int) -> int:
    first = next(_words(text), None)
    return first[2] if first is not None and first[1] == _AT else created_at


def _words(text: str | None) -> Iterator[CounterRow]:
    for word in (text or "").split():
        key_id, period, start = word.split("/")
        yield key_id, period, int(start)


def _width_us(seconds: int) -> int:
    return -(-seconds * SECOND_US // (BUCKETS_MAX - 1))


def _leaves_at(number: int, seconds: int) -> int:
    return (number + 1) * _width_us(seconds) + seconds * SECOND_US


def _person(email: str) -> str:
    """Return a recipient's digest. Ignore the plus tag, because most mail servers do."""
    local, _, domain = email.partition("@")
    return _digest(f"{local.partition('+')[0] or local}@{domain}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Capped(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def per_call_cents(self) -> int | None: ...
    @property
    def per_day_cents(self) -> int | None: ...
    @property
    def per_month_cents(self) -> int | None: ...


class CapExceeded(DomainError):
    @property
    def wait_s(self) -> float:
        """Return the seconds until the amount fits, or inf if it never does."""
        return inf if self.retry_after_s is None else self.retry_after_s


@dataclass(frozen=True, slots=True)
class WindowView:
    """The state of a key's or an ancestor's cap, in cents. `remaining_cents` is rounded down."""

    key_id: str
    period: Period
    cap_cents: int
    spent_cents: int
    remaining_cents: int
    resets_at: int


def windows_of(now_us: int) -> tuple[tuple[Period, int], tuple[Period, int]]:
    """Return the current UTC day and month, each with its first microsecond."""
    return _windows_of_day(day_start_us(now_us))


def unapproved_window(key_id: str, now_us: int) -> Window:
    return (key_id, "unapproved", windows_of(now_us)[0][1])


@lru_cache(maxsize=8)
def _windows_of_day(day_start: int) -> tuple[tuple[Period, int], tuple[Period, int]]:
    return (("day", day_start), ("month", month_start_us(day_start)))


async def load_windows(tx: Transaction, windows: Iterable[Window]) -> dict[Window, int]:
    found: dict[Window, int] = {}
    await tx.fetch_many([windows_reading(windows, found)])
    return found


def windows_reading(
    windows: Iterable[Window], into: dict[Window, int], details: dict[Window, str] | None = None
) -> BatchRead:
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
    """Read what the keys spent today, this month and in the given windows, and today's sends without approval."""
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
    """Add amounts in micros to windows. No window falls below 0. The caller holds the accounts' locks.

    Increases and decreases need separate statements, because an upsert can't insert a negative amount.
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
        await tx.execute(_GIVE_BACK, rows=given_back)
    else:
        await tx.execute_deferred(_GIVE_BACK, touching=None, rows=given_back)


async def _add_with_details(
    tx: Transaction, sums: Mapping[tuple[str, str, int, str], int], details: Mapping[Window, str]
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
    """Return the refusal if a debit exceeds what is left of a cap on the key or an ancestor. Otherwise, return
    None.

    If several caps refuse, name the one that will have room last. A cap that the amount always exceeds takes
    precedence. Of equal caps, name the nearest key's.
    """
    assert amount_micros >= 0, "a debit is not negative"
    for state in states:
        cents = state.per_call_cents
        if cents is not None and amount_micros > cents * MICROS_PER_CENT:
            return _exceeded("per_call", state.id, limit=cents, remaining=cents)
    over = [
        (amount_micros <= used.cap_cents * MICROS_PER_CENT, period, used)
        for period in reversed(_PERIODS)
        for used in _used(period, states, spent, now_us)
        if amount_micros > max(0, used.left_micros)
    ]
    if not over:
        return None
    fits_later, period, used = min(over, key=itemgetter(0))
    view = _view(period, used, now_us)
    return _exceeded(
        f"per_{period}",
        view.key_id,
        limit=view.cap_cents,
        remaining=view.remaining_cents,
        resets_at=view.resets_at,
        wait_s=-((now_us - view.resets_at) // SECOND_US) if fits_later else None,
    )


def tightest_remaining_micros(
    states: Sequence[Capped], spent: Mapping[Window, int], now_us: int
) -> int | None:
    """Return the largest debit that all caps still allow, or None if there is no cap."""
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
    wait_s: int | None = None,
) -> CapExceeded:
    return CapExceeded(
        f"The key's {cap} cap of {limit} cents has {remaining} cents left.",
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
