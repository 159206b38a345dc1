"""One limit of a key or account in a batch: allowed, used, and when there is room again."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from billing.engine.sums import Sum
from billing.ledger.money import MICROS_PER_CENT
from kernel.clock import SECOND_US, rfc3339
from keys import counter
from keys.caps import CapExceeded
from keys.mandate import COUNTS, CapUnit, ShownCap, label_of, unit_of

Cap = ShownCap | Literal["per_recipient_per_day"]
NEAR_PERCENT = 80


class LimitView(msgspec.Struct, frozen=True):
    """A limit in its unit, for readers. seconds: the length of a rolling window. key_id null: the account's
    limit. resets_at: when it is wholly free again; null: never.
    """

    cap: Cap
    key_id: str | None
    unit: CapUnit
    seconds: int | None
    limit: int
    spent: int
    remaining: int
    resets_at: int | None

    @property
    def label(self) -> str:
        return label_of(self.cap)


class Limit(msgspec.Struct, gc=False):
    """most: micros, or the unit it counts. Without seconds and ends_at the limit never resets."""

    cap: Cap
    key_id: str | None
    most: int
    sum: Sum
    seconds: int | None = None
    ends_at: int | None = None

    @property
    def is_count(self) -> bool:
        return self.cap in COUNTS

    def used(self, now_us: int) -> int:
        if self.seconds is None:
            return self.sum.spent_micros
        assert self.sum.detail is not None, "a rolling window has buckets"
        return counter.held(self.sum.detail.buckets, self.seconds, now_us)

    def left(self, now_us: int) -> int:
        return max(0, self.most - self.used(now_us))

    def add(self, account_id: str, amount_micros: int, now_us: int) -> None:
        assert self.seconds is not None, "the others are counted with the days and months"
        amount = 1 if self.is_count else amount_micros
        buckets = self.sum.change_detail(account_id).buckets
        counter.add(buckets, self.seconds, amount, at=now_us, now_us=now_us)

    def view(self, now_us: int) -> LimitView:
        """Return the limit in cents: used is rounded up, left is rounded down."""
        unit = 1 if self.is_count else MICROS_PER_CENT
        return LimitView(
            cap=self.cap,
            key_id=self.key_id,
            unit=unit_of(self.cap),
            seconds=self.seconds if self.cap == "window" else None,
            limit=self.most // unit,
            spent=-(-self.used(now_us) // unit),
            remaining=self.left(now_us) // unit,
            resets_at=self._resets_at(now_us),
        )

    def refusal(self, amount_micros: int, now_us: int, *, max_now_cents: int) -> CapExceeded:
        view = self.view(now_us)
        amount = 1 if self.is_count else amount_micros
        room_at = self._room_at(amount, now_us)
        resets_at = view.resets_at if room_at is None else room_at
        extra = {
            "cap": self.cap,
            "key_id": self.key_id,
            "limit": view.limit,
            "remaining": view.remaining,
            "resets_at": None if resets_at is None else _shown(resets_at),
            "max_now_cents": max_now_cents,
        }
        if self.cap == "window":
            extra["seconds"] = self.seconds
        name = _WORDS.get(self.cap, "key's limit")
        return CapExceeded(
            f"The {name} of {view.limit} {view.unit} leaves {view.remaining}.",
            reason=self.cap,
            retry_after_s=None if room_at is None else -((now_us - room_at) // SECOND_US),
            extra=extra,
        )

    def _room_at(self, amount: int, now_us: int) -> int | None:
        if self.seconds is None:
            return None if amount > self.most else self.ends_at
        assert self.sum.detail is not None, "a rolling window has buckets"
        return counter.room_at(
            self.sum.detail.buckets, self.seconds, limit=self.most, amount=amount, now_us=now_us
        )

    def _resets_at(self, now_us: int) -> int | None:
        if self.seconds is None:
            return self.ends_at
        assert self.sum.detail is not None, "a rolling window has buckets"
        return counter.empty_at(self.sum.detail.buckets, self.seconds, now_us)


def max_cents(limits: Iterable[Limit], now_us: int) -> int | None:
    rooms = []
    for one in limits:
        left = one.left(now_us)
        if not one.is_count:
            rooms.append(left // MICROS_PER_CENT)
        elif left == 0:
            rooms.append(0)
    return min(rooms, default=None)


_WORDS = {
    "per_day": "key's cap of a day",
    "per_month": "key's cap of a month",
    "lifetime": "key's cap of its life",
    "window": "key's rolling window",
    "per_recipient_per_day": "key's cap of a recipient and day",
    "sends_per_hour": "key's limit of an hour",
    "account_per_day": "account's limit of a day",
}


def _shown(at_us: int) -> str:
    return rfc3339(-(-at_us // SECOND_US) * SECOND_US)
