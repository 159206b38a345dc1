"""What a key and its ancestors allow together, computed once per lineage and batch."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from billing.engine.limit import NEAR_PERCENT, Limit
from billing.engine.send_limits import SendLimits
from billing.engine.sums import Sum, Sums
from billing.ledger.money import MICROS_PER_CENT
from kernel.clock import DAY_US, next_month_start_us
from keys import caps, counter
from keys.api_keys.key_state import KeyState
from keys.caps import Window
from keys.mandate import Mandate, ShownCap, read_mandate

KeyEnd = Literal["revoked", "expired", "paused"]


class LineLimits(msgspec.Struct, frozen=True, gc=False):
    """The limits of one lineage.

    - ended: how one of the keys ended, or that it is paused.
    - capped: (window, most) of each cap; a cap on one call has no window.
    - unasked: (window, most) of a day's sends without an approval.
    - watched: limits that publish an event before they are used up, beside days and months.
    - rolling, money: mandates' limits on any spend. sends: on sends.
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
            found.append((state.id, counter.LIFETIME, 0))
        mandate = read_mandate(state.mandate)
        found += ((state.id, counter.rolling(one.seconds), 0) for one in mandate.windows)
        if mandate.max_sends_per_hour is not None:
            found.append((state.id, counter.SENDS, 0))
        if mandate.max_recipients_per_week is not None:
            found.append((state.id, counter.RECIPIENTS, 0))
    return found


def line_limits(states: Sequence[KeyState], sums: Sums, now_us: int) -> LineLimits:
    """Return a lineage's limits. states begins with the key's own; no key has ended."""
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
            _counts(mandates, sums, "sends_per_hour", counter.SENDS, counter.HOUR_S),
            _counts(mandates, sums, "recipients_per_week", counter.RECIPIENTS, counter.WEEK_S),
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
    """Return the daily and monthly caps as limits, with what was published about them. Most spends are far
    below their caps and don't need this [4 % of a send over 1,000 wallets].
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
            sums.derived((state.id, counter.LIFETIME, 0), state.lifetime_micros or 0),
        )
        for state in states
        if state.lifetime_cents is not None
    ]


def _rolling(mandates: Sequence[tuple[str, Mandate]], sums: Sums) -> list[Limit]:
    """Return rolling limits, the longest window first: waiting helps there least."""
    found = [
        Limit(
            "window",
            key_id,
            window.cents * MICROS_PER_CENT,
            sums.detailed((key_id, counter.rolling(window.seconds), 0)),
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
