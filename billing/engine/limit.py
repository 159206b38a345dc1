"""Compute the limits of keys and accounts: what they allow, what was used, and when they reset."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from billing.ledger.money import MICROS_PER_CENT
from kernel.clock import DAY_US, SECOND_US, day_start_us, next_month_start_us, rfc3339
from kernel.errors import DomainError
from keys import caps
from keys.api_keys.lookup import KeyState
from keys.caps import CapExceeded, CounterRow, Detail, Window, detail_text, read_detail
from keys.mandate import (
    COUNTS,
    CapUnit,
    Mandate,
    OutsideMandate,
    ShownCap,
    label_of,
    read_mandate,
    unit_of,
)
from store.database import BatchRead, Transaction


class Sum(msgspec.Struct, gc=False):
    """A sum that counts toward a limit. A derived sum is computed from other rows and isn't stored."""

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
    def __init__(self) -> None:
        self._read: dict[Window, int] = {}
        self._details: dict[Window, str] = {}
        self._sums: dict[Window, Sum] = {}

    def reading(self, windows: Iterable[Window]) -> BatchRead:
        return caps.windows_reading(windows, self._read, self._details)

    def today_reading(
        self, key_ids: Iterable[str], now_us: int, windows: Iterable[Window]
    ) -> BatchRead:
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


Cap = ShownCap | Literal["per_recipient_per_day"]
NEAR_PERCENT = 80


class LimitView(msgspec.Struct, frozen=True):
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
    """A limit, and how much of it is used. `most` is an amount in micros, or a number of sends or recipients.

    Without `seconds` and `ends_at`, the limit never resets.
    """

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
        return caps.held_in_buckets(self.sum.detail.buckets, self.seconds, now_us)

    def left(self, now_us: int) -> int:
        return max(0, self.most - self.used(now_us))

    def units_of(self, amount_micros: int) -> int:
        """Return what a debit takes from the limit: its amount in micros, or one send or recipient."""
        return 1 if self.is_count else amount_micros

    def add(self, account_id: str, amount_micros: int, now_us: int) -> None:
        assert self.seconds is not None, "the others are counted with the days and months"
        amount = self.units_of(amount_micros)
        buckets = self.sum.change_detail(account_id).buckets
        caps.add_to_buckets(buckets, self.seconds, amount, at=now_us, now_us=now_us)

    def view(self, now_us: int) -> LimitView:
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
        room_at = self._room_at(self.units_of(amount_micros), now_us)
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
            f"The {name} is {view.limit} {view.unit}, of which {view.remaining} are left.",
            reason=self.cap,
            retry_after_s=None if room_at is None else -((now_us - room_at) // SECOND_US),
            extra=extra,
        )

    def _room_at(self, amount: int, now_us: int) -> int | None:
        if self.seconds is None:
            return None if amount > self.most else self.ends_at
        assert self.sum.detail is not None, "a rolling window has buckets"
        return caps.room_at(
            self.sum.detail.buckets, self.seconds, limit=self.most, amount=amount, now_us=now_us
        )

    def _resets_at(self, now_us: int) -> int | None:
        if self.seconds is None:
            return self.ends_at
        assert self.sum.detail is not None, "a rolling window has buckets"
        return caps.empty_at(self.sum.detail.buckets, self.seconds, now_us)


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
    "recipients_per_week": "key's weekly limit",
    "account_per_day": "account's limit of a day",
}


def _shown(at_us: int) -> str:
    return rfc3339(-(-at_us // SECOND_US) * SECOND_US)


class SendFacts(NamedTuple):
    topup_id: str
    platform: str
    recipient_email: str
    amount_cents: int
    is_distinct: bool = False

    @property
    def alike(self) -> str:
        return f"{self.platform}/{self.amount_cents}/{self.recipient_email}"


class LimitedSend(Protocol):
    @property
    def lineage(self) -> tuple[str, ...]: ...
    @property
    def facts(self) -> SendFacts: ...


class SendAgain(NamedTuple):
    lineage: tuple[str, ...]
    facts: SendFacts


class LooksRepeated(DomainError):
    pass


class SendLimits(msgspec.Struct, gc=False):
    mandates: Sequence[tuple[str, Mandate]]
    counts: Sequence[Limit]
    recipients: Sequence[Limit] = ()

    def check_place(self, send: SendFacts) -> None:
        for key_id, mandate in self.mandates:
            if mandate.platforms and send.platform not in mandate.platforms:
                raise OutsideMandate(
                    "The key isn't allowed to send to this platform.",
                    param="platform",
                    reason="platform",
                    extra={"key_id": key_id, "allowed": list(mandate.platforms)},
                )
            if not mandate.allows_recipient(send.recipient_email):
                raise OutsideMandate(
                    "The key isn't allowed to send to this recipient.",
                    param="recipient_email",
                    reason="recipient",
                    extra={"key_id": key_id, "allowed": list(mandate.recipients)},
                )

    def check_repeated(self, send: SendFacts, sums: Sums, now_us: int) -> None:
        if send.is_distinct:
            return
        for key_id, mandate in self.mandates:
            if mandate.repeat_guard_s is None:
                continue
            guard_us = mandate.repeat_guard_s * SECOND_US
            sent: dict[str, int] = {}
            for place in caps.repeat_places(key_id, send.alike, now_us):
                detail = sums.detailed(place).detail
                sent |= {} if detail is None else detail.sent
            latest = max(sent, key=lambda one: sent[one], default=None)
            if latest is not None and sent[latest] + guard_us > now_us:
                free_at = -(-(sent[latest] + guard_us) // SECOND_US) * SECOND_US
                raise LooksRepeated(
                    "The same amount for this platform was sent to this recipient a moment ago. If "
                    "this is a separate send, add distinct: true.",
                    param="distinct",
                    reason="looks_repeated",
                    extra={
                        "transaction_id": latest,
                        "key_id": key_id,
                        "sent_at": rfc3339(sent[latest]),
                        "resets_at": rfc3339(free_at),
                    },
                )

    def recipient_limits(self, send: SendFacts, sums: Sums, now_us: int) -> list[Limit]:
        start = day_start_us(now_us)
        email = send.recipient_email
        new = [
            one
            for one in self.recipients
            if not caps.has_recipient(one.sum.detail or caps.Detail(), email, now_us)
        ]
        return new + [
            Limit(
                "per_recipient_per_day",
                key_id,
                mandate.per_recipient_per_day_cents * MICROS_PER_CENT,
                sums.of(caps.recipient_place(key_id, send.recipient_email, start)),
                ends_at=start + DAY_US,
            )
            for key_id, mandate in self.mandates
            if mandate.per_recipient_per_day_cents is not None
        ]

    def count(
        self, account_id: str, send: SendFacts, amount_micros: int, sums: Sums, now_us: int
    ) -> list[CounterRow]:
        """Count a send, and return the rows to restore if the send fails."""
        for each in self.counts:
            each.add(account_id, amount_micros, now_us)
        places: list[CounterRow] = []
        for each in self.recipients:
            detail, key_id = each.sum.change_detail(account_id), each.key_id or ""
            places.append(caps.count_recipient(key_id, detail, send.recipient_email, now_us))
        start = day_start_us(now_us)
        for key_id, mandate in self.mandates:
            if mandate.per_recipient_per_day_cents is not None:
                places.append(caps.recipient_place(key_id, send.recipient_email, start))
                sums.of(places[-1]).add(account_id, amount_micros)
            if mandate.repeat_guard_s is not None:
                places.append(caps.repeat_places(key_id, send.alike, now_us)[0])
                sent = sums.detailed(places[-1]).change_detail(account_id).sent
                caps.note_sent(sent, send.topup_id, at=now_us)
        return places


def windows_of_send(
    key_id: str, mandate: Mandate, send: SendFacts, now_us: int
) -> Sequence[Window]:
    found: list[Window] = []
    if mandate.per_recipient_per_day_cents is not None:
        day = day_start_us(now_us)
        found.append(caps.recipient_place(key_id, send.recipient_email, day))
    if mandate.repeat_guard_s is not None:
        found += caps.repeat_places(key_id, send.alike, now_us)
    return found


KeyEnd = Literal["revoked", "expired", "paused"]


class LineLimits(msgspec.Struct, frozen=True, gc=False):
    """The limits of a key and its ancestors together.

    `watched` contains limits that publish an event before they are used up, except daily and monthly caps.
    """

    ended: KeyEnd | None
    capped: Sequence[tuple[Sum | None, int]] = ()
    approval_threshold_cents: int | None = None
    unasked: Sequence[tuple[Sum, int]] = ()
    watched: Sequence[Limit] = ()
    money: Sequence[Limit] = ()
    sends: SendLimits | None = None

    @property
    def of_any_send(self) -> Sequence[Limit]:
        return [*self.money, *(self.sends.counts if self.sends else ())]

    @property
    def is_calendar_near(self) -> bool:
        return any(
            window is not None and window.spent_micros * 100 >= most * NEAR_PERCENT
            for window, most in self.capped
        )


def windows_of_mandates(states: Iterable[KeyState]) -> list[Window]:
    found: list[Window] = []
    for state in states:
        if state.lifetime_cents is not None:
            found.append((state.id, caps.LIFETIME, 0))
        mandate = read_mandate(state.mandate)
        found += ((state.id, caps.rolling(one.seconds), 0) for one in mandate.windows)
        if mandate.max_sends_per_hour is not None:
            found.append((state.id, caps.SENDS, 0))
        if mandate.max_recipients_per_week is not None:
            found.append((state.id, caps.RECIPIENTS, 0))
    return found


def line_limits(states: Sequence[KeyState], sums: Sums, now_us: int) -> LineLimits:
    thresholds = [
        state.approval_threshold_cents
        for state in states
        if state.approval_threshold_cents is not None
    ]
    unasked = [
        (
            sums.of(caps.unapproved_window(state.id, now_us)),
            state.approval_above_per_day_cents * MICROS_PER_CENT,
        )
        for state in states
        if state.approval_above_per_day_cents is not None
    ]
    mandates = [(state.id, read_mandate(state.mandate)) for state in states if state.mandate]
    money = _lifetimes(states, sums)
    sends = None
    if mandates:
        money += _rolling(mandates, sums)
        sends = SendLimits(
            mandates,
            _counts(mandates, sums, "sends_per_hour", caps.SENDS, caps.HOUR_S),
            _counts(mandates, sums, "recipients_per_week", caps.RECIPIENTS, caps.WEEK_S),
        )
    return LineLimits(
        None,
        _capped(states, sums, now_us),
        min(thresholds, default=None),
        unasked,
        [*money, *((*sends.counts, *sends.recipients) if sends else ())],
        money,
        sends,
    )


def _capped(
    states: Sequence[KeyState], sums: Sums, now_us: int
) -> Sequence[tuple[Sum | None, int]]:
    day, month = caps.windows_of(now_us)
    found: list[tuple[Sum | None, int]] = []
    for state in states:
        if state.per_call_cents is not None:
            found.append((None, state.per_call_cents * MICROS_PER_CENT))
        if state.per_day_cents is not None:
            found.append((sums.of((state.id, *day)), state.per_day_cents * MICROS_PER_CENT))
        if state.per_month_cents is not None:
            found.append((sums.of((state.id, *month)), state.per_month_cents * MICROS_PER_CENT))
    return found


def calendar_limits(states: Sequence[KeyState], sums: Sums, now_us: int) -> list[Limit]:
    """Return daily and monthly caps, and which events were already published about them.

    Most sends stay far below their caps and skip this function.
    """
    (day, day_start), (month, month_start) = caps.windows_of(now_us)
    found: list[Limit] = []
    for state in states:
        if state.per_day_cents is not None:
            most = state.per_day_cents * MICROS_PER_CENT
            row = sums.detailed((state.id, day, day_start))
            found.append(Limit("per_day", state.id, most, row, ends_at=day_start + DAY_US))
        if state.per_month_cents is not None:
            most = state.per_month_cents * MICROS_PER_CENT
            row = sums.detailed((state.id, month, month_start))
            ends_at = next_month_start_us(now_us)
            found.append(Limit("per_month", state.id, most, row, ends_at=ends_at))
    return found


def _lifetimes(states: Sequence[KeyState], sums: Sums) -> list[Limit]:
    return [
        Limit(
            "lifetime",
            state.id,
            state.lifetime_cents * MICROS_PER_CENT,
            sums.derived((state.id, caps.LIFETIME, 0), state.lifetime_micros or 0),
        )
        for state in states
        if state.lifetime_cents is not None
    ]


def _rolling(mandates: Sequence[tuple[str, Mandate]], sums: Sums) -> list[Limit]:
    found = [
        Limit(
            "window",
            key_id,
            window.cents * MICROS_PER_CENT,
            sums.detailed((key_id, caps.rolling(window.seconds), 0)),
            seconds=window.seconds,
        )
        for key_id, mandate in mandates
        for window in mandate.windows
    ]
    return sorted(found, key=lambda one: -(one.seconds or 0))


def _counts(
    mandates: Sequence[tuple[str, Mandate]], sums: Sums, cap: ShownCap, row: str, seconds: int
) -> list[Limit]:
    found = [(key_id, getattr(mandate, f"max_{cap}")) for key_id, mandate in mandates]
    return [
        Limit(cap, key_id, most, sums.detailed((key_id, row, 0)), seconds=seconds)
        for key_id, most in found
        if most is not None
    ]


def notices_of(
    limits: Iterable[Limit], account_id: str, now_us: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the due events key.cap_near and key.cap_reached, and mark them as published."""
    for limit in limits:
        used = limit.used(now_us)
        if used * 100 < limit.most * NEAR_PERCENT or not limit.most:
            continue
        unit = 1 if limit.is_count else MICROS_PER_CENT
        names = ["near"] if limit.most - used >= unit else ["near", "reached"]
        for name in names:
            if not _is_notified(limit, name, now_us):
                setattr(limit.sum.change_detail(account_id), name, (limit.most, now_us))
                yield f"key.cap_{name}", _data(limit, now_us)


def _is_notified(limit: Limit, name: str, now_us: int) -> bool:
    told = getattr(limit.sum.detail, name)
    if told is None or told[0] != limit.most:
        return False
    return limit.seconds is None or bool(now_us - told[1] < limit.seconds * SECOND_US)


def _data(limit: Limit, now_us: int) -> Mapping[str, Any]:
    view = limit.view(now_us)
    resets_at = view.resets_at
    if resets_at is not None:
        resets_at = -(-resets_at // SECOND_US) * SECOND_US
    return {
        "key_id": view.key_id,
        "cap": view.cap,
        "unit": view.unit,
        "seconds": view.seconds,
        "limit": view.limit,
        "spent": view.spent,
        "remaining": view.remaining,
        "resets_at": None if resets_at is None else rfc3339(resets_at),
    }
