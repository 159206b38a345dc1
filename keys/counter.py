"""Counters of a key's limits beside its days and months: rows of spend_windows with a detail. Pure.

period of a row   counts                                                window_start_at
last:SECONDS      micros of a rolling window, in the detail's buckets   0
count:3600        sends of a rolling hour, in the detail's buckets      0
recipients:604800 recipients of seven days, in the detail's buckets     0
to:DIGEST         micros to one recipient                               of the UTC day
same:DIGEST       the transactions of one recipient, platform, amount   of a period of seven days
lifetime          nothing; its detail says what was published           0
account:ENV       micros of all of an account, under its own id         of the UTC day

All times are by the account's own clock, which may be ahead (keys/sandbox_clock.py). A top-up or a hold names
its rows (counted_in). If its clock was ahead, they begin with `/at/MICROSECONDS`, so that a refund returns to
the windows of that moment.

A rolling window counts in at most 60 buckets of equal width. A bucket counts until its last moment has left
the window, so a window never allows too much; it may allow a bucket's width too late.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from kernel.clock import DAY_US, SECOND_US

CounterRow = tuple[str, str, int]  # a row: key id, period, start in microseconds
BUCKETS_MAX: Final = 60
HOUR_S: Final = 3600
WEEK_S: Final = 7 * DAY_US // SECOND_US
LIFETIME: Final = "lifetime"
SENDS: Final = f"count:{HOUR_S}"
RECIPIENTS: Final = f"recipients:{WEEK_S}"
# By the last word of a limit's name.
SECONDS_OF: Final[Mapping[str, int]] = {"hour": HOUR_S, "week": WEEK_S}
REPEAT_PERIOD_US: Final = 7 * DAY_US
# Not a row: the moment of the account's own clock.
_AT: Final = "at"
# Between the row and the recipient among those that it counts.
_WHOSE: Final = "~"
# Transactions that look alike; more only if each was declared to be another one.
_SENT_MAX: Final = 20


class Detail(msgspec.Struct, omit_defaults=True):
    """What a row of spend_windows holds beside its sum. Times in microseconds.

    buckets: by number. near, reached: for which limit an event was published, and when. sent: when each
    transaction was sent. recipients: the sends to each, by bucket; the row's own buckets count each recipient
    once, in the bucket of the newest send.
    """

    buckets: dict[int, int] = {}
    near: tuple[int, int] | None = None
    reached: tuple[int, int] | None = None
    sent: dict[str, int] = {}
    recipients: dict[str, dict[int, int]] = {}


class Counted(NamedTuple):
    """A row that counts a spend, as the spend names it. whose: the recipient among the row's."""

    row: CounterRow
    whose: str = ""

    @property
    def is_sum(self) -> bool:
        """Return whether the row counts micros as its sum, without a detail."""
        return self.row[1].startswith(("to:", "account:"))

    def take_out(
        self, detail: Detail, topup_id: str, amount_micros: int, *, at: int, now_us: int
    ) -> bool:
        """Subtract a spend of that moment, or a part of it; return whether the row counted it."""
        kind, _, rest = self.row[1].partition(":")
        if kind == "last":
            add(detail.buckets, int(rest), -amount_micros, at=at, now_us=now_us)
            return True
        if kind == "recipients":
            _count_recipient(detail, self.whose, -1, at=at, now_us=now_us)
            return True
        return detail.sent.pop(topup_id, None) is not None


_decode = msgspec.json.Decoder(Detail).decode
_encode = msgspec.json.Encoder().encode


def read_detail(text: str | None) -> Detail:
    return Detail() if text is None else _decode(text)


def detail_text(detail: Detail) -> str:
    return _encode(detail).decode()


def rolling(seconds: int) -> str:
    return f"last:{seconds}"


def add(buckets: dict[int, int], seconds: int, amount: int, *, at: int, now_us: int) -> None:
    """Count an amount at that moment; a negative one subtracts what still counts."""
    width_us = _width_us(seconds)
    number = at // width_us
    left = buckets.get(number, 0) + amount
    if left > 0:
        buckets[number] = left
    else:
        buckets.pop(number, None)
    for old in [one for one in buckets if _leaves_at(one, seconds) <= now_us]:
        del buckets[old]


def held(buckets: Mapping[int, int], seconds: int, now_us: int) -> int:
    """Return what the window holds now: never less than what was counted in the seconds before."""
    return sum(amount for number, amount in buckets.items() if _leaves_at(number, seconds) > now_us)


def room_at(
    buckets: Mapping[int, int], seconds: int, *, limit: int, amount: int, now_us: int
) -> int | None:
    """Return when there is room for the amount, in microseconds; None: never."""
    if amount > limit:
        return None
    left = held(buckets, seconds, now_us)
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
    """Add a transaction; of very many the newest stay."""
    sent[transaction_id] = at
    for oldest in sorted(sent, key=lambda one: sent[one])[:-_SENT_MAX]:
        del sent[oldest]


def has_recipient(detail: Detail, email: str, now_us: int) -> bool:
    return held(detail.recipients.get(_person(email), {}), WEEK_S, now_us) > 0


def count_recipient(key_id: str, detail: Detail, email: str, now_us: int) -> CounterRow:
    """Count a send made now, and return the row with the recipient, as the send names it."""
    whose = _person(email)
    _count_recipient(detail, whose, 1, at=now_us, now_us=now_us)
    return (key_id, f"{RECIPIENTS}{_WHOSE}{whose}", 0)


def _count_recipient(detail: Detail, whose: str, sends: int, *, at: int, now_us: int) -> None:
    add(detail.recipients.setdefault(whose, {}), WEEK_S, sends, at=at, now_us=now_us)
    for one, buckets in list(detail.recipients.items()):
        if not held(buckets, WEEK_S, now_us):
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
    """Return a top-up's or a hold's rows as it stores them; None: no such row.

    at: the moment by the account's own clock; None: its clock is ours.
    """
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
    """Return the moment of the windows that count it, by the account's clock at that time."""
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
    """Digest a recipient without what follows a plus, because most mail servers deliver that to the same
    person.
    """
    local, _, domain = email.partition("@")
    return _digest(f"{local.partition('+')[0] or local}@{domain}")


def _digest(text: str) -> str:
    """Digest the text, so that the address isn't stored a second time."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
