"""Count a transaction's spending against the limits and test credit of keys and accounts.

A spend counts for the key and all its ancestors. If the money is returned, it is subtracted from the same windows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from operator import attrgetter
from typing import Any, Final

import msgspec

from billing.engine.limit import (
    KeyEnd,
    Limit,
    LimitedSend,
    LimitView,
    LineLimits,
    Sum,
    Sums,
    calendar_limits,
    line_limits,
    max_cents,
    notices_of,
    windows_of_mandates,
    windows_of_send,
)
from billing.ledger.money import MICROS_PER_CENT
from kernel.clock import DAY_US, SECOND_US, day_start_us
from kernel.tenant import Tenant
from keys import caps
from keys.account import Standings, standings_reading
from keys.api_keys.lookup import KeyState, key_states_reading
from keys.caps import CapExceeded, CounterRow, Window
from keys.mandate import read_mandate
from store.database import BatchRead, Transaction


class OwnTime:
    def __init__(self, now_us: int, key_states: Mapping[str, KeyState]) -> None:
        self.now_us = now_us
        self._key_states = key_states
        self._ahead_us: Mapping[Tenant, int] = {}
        # The tenant of each app's grant, because grants have daily and monthly windows, as keys do.
        self._counted: Mapping[str, Tenant] = {}

    def take(self, ahead_us: Mapping[Tenant, int]) -> None:
        self._ahead_us = ahead_us

    def expect(self, counted: Mapping[str, Tenant]) -> None:
        self._counted = counted

    def of(self, tenant: Tenant) -> int:
        return self.now_us + self._ahead_us.get(tenant, 0) if self._ahead_us else self.now_us

    def of_line(self, lineage: tuple[str, ...]) -> int:
        if not self._ahead_us or not lineage:
            return self.now_us
        tenant = self._tenant_of(lineage[0])
        return self.now_us if tenant is None else self.of(tenant)

    def windows_ahead(self) -> set[Window]:
        found: set[Window] = set()
        for one in (*self._key_states, *self._counted) if self._ahead_us else ():
            tenant = self._tenant_of(one)
            if tenant is not None and tenant in self._ahead_us:
                found |= calendar_windows([one], self.of(tenant))
        return found

    def _tenant_of(self, counted_id: str) -> Tenant | None:
        state = self._key_states.get(counted_id)
        return self._counted.get(counted_id) if state is None else state.tenant


def calendar_windows(ids: Iterable[str], now_us: int) -> set[Window]:
    wanted = set(ids)
    periods = caps.windows_of(now_us)
    found: set[Window] = {(one, period, start) for one in wanted for period, start in periods}
    found.update(caps.unapproved_window(one, now_us) for one in wanted)
    return found


Lineage = tuple[str, ...]
_NO_GRANTS: Final[Mapping[str, Tenant]] = {}
Publish = Callable[[Tenant, str, Mapping[str, Any]], object]


def funding_window(account_id: str, now_us: int) -> Window:
    period, start = caps.windows_of(now_us)[0]
    return (account_id, period, start)


class Spending:
    def __init__(self, now_us: int) -> None:
        self.key_states: dict[str, KeyState] = {}
        self.changes = 0
        self.time = OwnTime(now_us, self.key_states)
        self._sums = Sums()
        self._day_limits: Mapping[Tenant, int] = {}
        # The limits of each key with its ancestors. An app's spending is counted under its grant, which isn't a key.
        self._lines: dict[Lineage, LineLimits] = {}
        # The most recently used limits. A send needs them six times, and the next send often uses the same key.
        self._last: tuple[Lineage | None, LineLimits] = (None, LineLimits(None))
        self._windows: dict[Lineage, list[Sum]] = {}
        self._spenders: dict[tuple[Tenant, Lineage], None] = {}

    def readings(
        self,
        key_ids: set[str],
        windows: Iterable[Window],
        counted: Mapping[str, Tenant] = _NO_GRANTS,
    ) -> list[BatchRead]:
        self.time.expect(counted)
        today = self._sums.today_reading({*key_ids, *counted}, self.time.now_us, windows)
        return [key_states_reading(key_ids, self.key_states), today]

    def take_day_limits(self, cents: Mapping[Tenant, int]) -> None:
        self._day_limits = cents

    def further_readings(self, sends: Iterable[LimitedSend]) -> list[BatchRead]:
        states = [state for state in self.key_states.values() if _is_limited(state)]
        ahead = self.time.windows_ahead()
        if not states and not self._day_limits and not ahead:
            return []
        wanted = {*windows_of_mandates(states), *ahead}
        mandates = {state.id: read_mandate(state.mandate) for state in states if state.mandate}
        for send in sends:
            for key_id in send.lineage:
                if key_id in mandates:
                    mandate = mandates[key_id]
                    now_us = self.time.of_line(send.lineage)
                    wanted |= {*windows_of_send(key_id, mandate, send.facts, now_us)}
        wanted |= {self._account_place(tenant) for tenant in self._day_limits}
        return [self._sums.reading(wanted)] if wanted else []

    async def flush(self, tx: Transaction, publish: Publish) -> None:
        """Write the counts, and publish an event for each limit that is nearly or completely used up.

        Storing `publish` on self would create a reference cycle, which would keep each batch in memory.
        """
        for tenant, lineage in self._spenders:
            limits = self._watched(tenant, lineage)
            for event_type, data in notices_of(limits, tenant.account_id, self.time.of(tenant)):
                publish(tenant, event_type, data)
        await self._sums.flush(tx)

    def end_of(self, lineage: Lineage) -> KeyEnd | None:
        return self._line(lineage).ended

    def needs_approval(self, lineage: Lineage, amount_cents: int) -> bool:
        line = self._line(lineage)
        threshold_cents = line.approval_threshold_cents
        if threshold_cents is not None and amount_cents > threshold_cents:
            return True
        if not line.unasked:
            return False
        amount_micros = amount_cents * MICROS_PER_CENT
        return any(day.spent_micros + amount_micros > most for day, most in line.unasked)

    def check_place(self, send: LimitedSend) -> None:
        sends = self._line(send.lineage).sends
        if sends is not None:
            sends.check_place(send.facts)

    def check_new(self, send: LimitedSend) -> None:
        sends = self._line(send.lineage).sends
        if sends is not None:
            facts = send.facts
            sends.check_place(facts)
            sends.check_repeated(facts, self._sums, self.time.of_line(send.lineage))

    def check(
        self, tenant: Tenant, lineage: Lineage, amount_micros: int, send: LimitedSend | None = None
    ) -> None:
        line = self._line(lineage)
        assert line.ended is None, "who ended was refused before"
        if line.money:
            lifetimes = [one for one in line.money if one.cap == "lifetime"]
            self._check_each(lifetimes, tenant, lineage, amount_micros, send)
        for window, limit_micros in line.capped:
            left_micros = limit_micros - (0 if window is None else window.spent_micros)
            # A cap can be lowered below what was spent. Free usage passes even then.
            if amount_micros > max(0, left_micros):
                self._refuse_capped(tenant, lineage, amount_micros, send)
        if line.money or line.sends is not None or self._day_limits:
            further = self._further(tenant, line, send)
            self._check_each(further, tenant, lineage, amount_micros, send)

    def name_of(self, lineage: Lineage) -> str | None:
        return self.key_states[lineage[0]].name if lineage else None

    def max_now_cents(
        self, tenant: Tenant, lineage: Lineage, send: LimitedSend | None = None
    ) -> int | None:
        now_us = self.time.of(tenant)
        states = [self.key_states[key_id] for key_id in lineage]
        capped = caps.tightest_remaining_micros(states, self._sums.spent(), now_us)
        further = max_cents(self._further(tenant, self._line(lineage), send), now_us)
        rooms = [None if capped is None else capped // MICROS_PER_CENT, further]
        return min((one for one in rooms if one is not None), default=None)

    def standing(self, tenant: Tenant, lineage: Lineage) -> tuple[Sequence[Limit], int | None]:
        now_us = self.time.of(tenant)
        states = [self.key_states[key_id] for key_id in lineage]
        line = line_limits(states, self._sums, now_us)
        calendar = calendar_limits(states, self._sums, now_us)
        limits = [*calendar, *line.watched, *self._of_account(tenant)]
        capped = caps.tightest_remaining_micros(states, self._sums.spent(), now_us)
        rooms = [None if capped is None else capped // MICROS_PER_CENT]
        rooms.append(max_cents([*calendar, *line.of_any_send, *self._of_account(tenant)], now_us))
        return limits, min((one for one in rooms if one is not None), default=None)

    def spend(
        self, tenant: Tenant, lineage: Lineage, amount_micros: int, send: LimitedSend | None = None
    ) -> str | None:
        now_us = self.time.of(tenant)
        at = None if now_us == self.time.now_us else now_us
        self.count(tenant.account_id, lineage, amount_micros, now_us)
        line = self._line(lineage)
        if line.capped or line.watched or self._day_limits:
            self._spenders[tenant, lineage] = None
        if not line.watched and line.sends is None and not self._day_limits:
            return None if at is None else caps.places_text((), at=at)
        account = self._of_account(tenant)
        places: list[CounterRow] = []
        for limit in line.money:
            if limit.cap == "window":
                limit.add(tenant.account_id, amount_micros, now_us)
                places.append((limit.key_id or "", caps.rolling(limit.seconds or 0), 0))
        for limit in account:
            limit.sum.add(tenant.account_id, amount_micros)
            places.append(self._account_place(tenant))
        if line.sends is not None and send is not None:
            places += line.sends.count(
                tenant.account_id, send.facts, amount_micros, self._sums, now_us
            )
        return caps.places_text(places, at=at) if places or at is not None else None

    def release(
        self,
        tenant: Tenant,
        lineage: Lineage,
        amount_micros: int,
        at: int,
        counted_in: str | None,
        *,
        topup_id: str = "",
    ) -> None:
        account_id, now_us = tenant.account_id, self.time.of(tenant)
        self.count(account_id, lineage, -amount_micros, at)
        for counted in caps.read_counted(counted_in):
            if counted.is_sum:
                self._sums.of(counted.row).add(account_id, -amount_micros)
                continue
            row = self._sums.detailed(counted.row)
            assert row.detail is not None, "it was asked for"
            if counted.take_out(row.detail, topup_id, amount_micros, at=at, now_us=now_us):
                row.change_detail(account_id)

    def count(self, account_id: str, lineage: Lineage, amount_micros: int, at: int) -> None:
        if at == self.time.of_line(lineage):
            windows = self._windows.get(lineage)
            if windows is None:
                windows = self._windows[lineage] = self._windows_of(lineage, at)
        else:
            windows = self._windows_of(lineage, at)
        for window in windows:
            window.add(account_id, amount_micros)

    def count_unasked(self, account_id: str, lineage: Lineage, amount_micros: int) -> None:
        for day, _ in self._line(lineage).unasked:
            day.add(account_id, amount_micros)

    def release_unapproved(
        self, account_id: str, lineage: Lineage, amount_micros: int, at: int
    ) -> None:
        for key_id in lineage:
            day = self._sums.of(caps.unapproved_window(key_id, at))
            if day.spent_micros:
                day.add(account_id, -amount_micros)

    def spent_micros(self, window: Window) -> int:
        return self._sums.of(window).spent_micros

    def funded_micros(self, account_id: str) -> int:
        return self._sums.of(funding_window(account_id, self.time.now_us)).spent_micros

    def count_funding(self, account_id: str, amount_micros: int) -> None:
        self.changes += 1
        self._sums.of(funding_window(account_id, self.time.now_us)).add(account_id, amount_micros)

    def _line(self, lineage: Lineage) -> LineLimits:
        last_lineage, last = self._last
        if lineage is last_lineage:
            return last
        found = self._lines.get(lineage)
        if found is None:
            ended = self._key_end(lineage)
            if ended is not None:
                found = LineLimits(ended)
            else:
                states = [self.key_states[key_id] for key_id in lineage]
                found = line_limits(states, self._sums, self.time.of_line(lineage))
            self._lines[lineage] = found
        self._last = (lineage, found)
        return found

    def _watched(self, tenant: Tenant, lineage: Lineage) -> list[Limit]:
        line = self._line(lineage)
        found = [*line.watched, *self._of_account(tenant)]
        if not line.is_calendar_near:
            return found
        states = [self.key_states[key_id] for key_id in lineage]
        return [*calendar_limits(states, self._sums, self.time.of_line(lineage)), *found]

    def _key_end(self, lineage: Lineage) -> KeyEnd | None:
        is_paused, now_us = False, self.time.of_line(lineage)
        for key_id in lineage:
            state = self.key_states.get(key_id)
            if state is None or state.revoked_at is not None:
                return "revoked"
            if state.expires_at is not None and state.expires_at <= now_us:
                return "expired"
            is_paused = is_paused or state.paused_at is not None
        return "paused" if is_paused else None

    def _further(self, tenant: Tenant, line: LineLimits, send: LimitedSend | None) -> list[Limit]:
        found = [*line.money]
        if line.sends is not None and send is not None:
            found += line.sends.recipient_limits(send.facts, self._sums, self.time.of(tenant))
        found += self._of_account(tenant)
        if line.sends is not None and send is not None:
            found += line.sends.counts
        return found

    def _check_each(
        self,
        limits: Iterable[Limit],
        tenant: Tenant,
        lineage: Lineage,
        amount_micros: int,
        send: LimitedSend | None,
        exceeded: CapExceeded | None = None,
    ) -> None:
        """Raise CapExceeded if a limit has too little room. Of several such limits, name the one that blocks
        longest.
        """
        now_us = self.time.of(tenant)
        full = [one for one in limits if one.left(now_us) < one.units_of(amount_micros)]
        if full or exceeded is not None:
            max_now_cents = self.max_now_cents(tenant, lineage, send) or 0
            refusals = [] if exceeded is None else [exceeded]
            refusals += (
                one.refusal(amount_micros, now_us, max_now_cents=max_now_cents) for one in full
            )
            last = max(refusals, key=attrgetter("wait_s"))
            last.extra["max_now_cents"] = max_now_cents
            ends = (self.key_states[key_id].expires_at or inf for key_id in lineage)
            if min(ends, default=inf) <= now_us + last.wait_s * SECOND_US:
                last.retry_after_s = None  # The key will have expired.
            raise last

    def _of_account(self, tenant: Tenant) -> list[Limit]:
        cents = self._day_limits.get(tenant)
        if cents is None:
            return []
        place = self._account_place(tenant)
        ends_at = place[2] + DAY_US
        row = self._sums.detailed(place)
        return [Limit("account_per_day", None, cents * MICROS_PER_CENT, row, ends_at=ends_at)]

    def _account_place(self, tenant: Tenant) -> CounterRow:
        return caps.account_place(*tenant, day_start_us(self.time.of(tenant)))

    def _refuse_capped(
        self, tenant: Tenant, lineage: Lineage, amount_micros: int, send: LimitedSend | None
    ) -> None:
        states = [self.key_states[key_id] for key_id in lineage]
        now_us = self.time.of(tenant)
        exceeded = caps.first_cap_exceeded(states, self._sums.spent(), amount_micros, now_us)
        assert exceeded is not None, "both ways of looking at a cap agree"
        further = self._further(tenant, self._line(lineage), send)
        self._check_each(further, tenant, lineage, amount_micros, send, exceeded)

    def _windows_of(self, lineage: Lineage, at: int) -> list[Sum]:
        windows = caps.windows_of(at)
        found = [
            self._sums.of((key_id, period, start))
            for key_id in lineage
            for period, start in windows
        ]
        for key_id in lineage:
            state = self.key_states.get(key_id)
            if state is not None and state.lifetime_cents is not None:
                place = (key_id, caps.LIFETIME, 0)
                found.append(self._sums.derived(place, state.lifetime_micros or 0))
        return found


def _is_limited(state: KeyState) -> bool:
    return state.mandate is not None or state.lifetime_cents is not None


class KeyUsage(msgspec.Struct, frozen=True):
    limits: Sequence[LimitView]
    max_now_cents: int | None


class KeyStandings:
    def __init__(self, spending: Spending, tenant: Tenant) -> None:
        self._spending = spending
        self._tenant = tenant

    @property
    def now_us(self) -> int:
        return self._spending.time.of(self._tenant)

    @property
    def states(self) -> dict[str, KeyState]:
        return self._spending.key_states

    def of(self, lineage: Lineage) -> KeyUsage:
        limits, max_now_cents = self._spending.standing(self._tenant, lineage)
        return KeyUsage([one.view(self.now_us) for one in limits], max_now_cents)


async def load_key_usage(
    tx: Transaction, tenant: Tenant, key_ids: Iterable[str], *, now_us: int
) -> KeyStandings:
    spending = Spending(now_us)

    def take(found: Standings) -> None:
        spending.take_day_limits(found.day_limits)
        spending.time.take(found.clocks_ahead_us)

    await tx.fetch_many([standings_reading([tenant], take), *spending.readings(set(key_ids), ())])
    await tx.fetch_many(spending.further_readings(()))
    return KeyStandings(spending, tenant)
