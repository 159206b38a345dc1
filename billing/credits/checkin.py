"""Check-ins: promotional credit for a daily visit, within a daily budget.

Days follow the account's time zone. A changed time zone takes effect after the next check-in.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CREDIT
from kernel.clock import DAY_US, HOUR_US, SECOND_US, day_start_us, rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields, given, said
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import load_time_zones
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ReadAct
from store.database import Transaction
from store.row_mapping import Conversion, RowMapping

CREDITS_MAX = 1_000_000_000
STREAK_DAYS_MAX = 365
BUDGET_MAX = CREDITS_MAX * 1000


@dataclass(frozen=True, slots=True)
class CheckinSettings:
    """What check-ins award in one environment.

    Each further day of a streak adds the bonus, for up to `streak_days_max` days. The budget is shared by all
    accounts and restarts each UTC day.
    """

    is_enabled: bool
    credits_min: int
    credits_max: int
    streak_bonus_credits: int = 0
    streak_days_max: int = 7
    daily_budget_credits: int | None = None

    def bonus_credits(self, streak: int) -> int:
        return self.streak_bonus_credits * min(streak - 1, self.streak_days_max)


DEFAULTS: Mapping[str, CheckinSettings] = {
    "staging": CheckinSettings(
        is_enabled=True,
        credits_min=100,
        credits_max=100,
        streak_bonus_credits=10,
        daily_budget_credits=1_000_000,
    ),
    "live": CheckinSettings(
        is_enabled=False,
        credits_min=100,
        credits_max=100,
        streak_bonus_credits=10,
        daily_budget_credits=100_000,
    ),
}


async def read_settings(tx: Transaction, environments: Iterable[str]) -> dict[str, CheckinSettings]:
    wanted = sorted(set(environments))
    rows = await tx.fetch(_READ, environments=wanted)
    chosen = {row["environment"]: _SETTINGS_ROWS.read(row) for row in rows}
    return {environment: chosen.get(environment, DEFAULTS[environment]) for environment in wanted}


async def write_settings(
    tx: Transaction, environment: str, settings: CheckinSettings, *, now_us: int
) -> None:
    _check(settings)
    await tx.insert(
        "checkin_settings",
        (*_SETTINGS_ROWS.columns, "environment", "updated_at"),
        [(*_SETTINGS_ROWS.write(settings), environment, now_us)],
        on_conflict="""ON CONFLICT (environment) DO UPDATE SET
            is_enabled = excluded.is_enabled, credits_min = excluded.credits_min,
            credits_max = excluded.credits_max,
            streak_bonus_credits = excluded.streak_bonus_credits,
            streak_days_max = excluded.streak_days_max,
            daily_budget_credits = excluded.daily_budget_credits,
            updated_at = excluded.updated_at""",
    )


_SETTINGS_ROWS = RowMapping(CheckinSettings)
_READ = f"""
SELECT {_SETTINGS_ROWS.listed}, environment FROM checkin_settings WHERE environment IN :environments[text]
"""


def _check(settings: CheckinSettings) -> None:
    limits = {
        "credits_min": (settings.credits_min, 1, CREDITS_MAX),
        "credits_max": (settings.credits_max, settings.credits_min, CREDITS_MAX),
        "streak_bonus_credits": (settings.streak_bonus_credits, 0, CREDITS_MAX),
        "streak_days_max": (settings.streak_days_max, 0, STREAK_DAYS_MAX),
    }
    if settings.daily_budget_credits is not None:
        limits["daily_budget_credits"] = (settings.daily_budget_credits, 0, BUDGET_MAX)
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise InvalidInput(
                "{param} must be from {low} to {high}.", param=name, low=low, high=high
            )


PAUSE_US = 20 * HOUR_US
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-/]{0,63}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        if _NAME.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise InvalidInput(
        "This isn't a time zone. Use one such as UTC or Asia/Kuwait.", param="time_zone"
    )


def day_of(at_us: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at_us // SECOND_US, zone).date()


def start_of(day: date, zone: tzinfo) -> int:
    """Return when the day begins in the zone, even if a clock change skips midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (midnight.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def next_at(last_day: date, last_at: int, zone: tzinfo) -> int:
    """Return when the next check-in is allowed: the next day, but at least 20 hours after the last one.

    The minimum prevents a second award after a time zone change or a short day.
    """
    return max(start_of(last_day + timedelta(days=1), zone), last_at + PAUSE_US)


def streak_of(last_day: date | None, last_streak: int, day: date) -> int:
    follows = last_day is not None and last_day + timedelta(days=1) == day
    return last_streak + 1 if follows else 1


Pick = Callable[[int, int], int]


class AlreadyCheckedIn(DomainError):
    pass


class BudgetExhausted(DomainError):
    pass


class CheckinOff(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Checkin:
    account_id: str
    environment: str
    day: date
    time_zone: str
    next_time_zone: str
    streak: int
    awarded_micros: int
    grant_id: str
    checked_in_at: int

    @property
    def next_at(self) -> int:
        return next_at(self.day, self.checked_in_at, zone_of(self.next_time_zone))


@dataclass(frozen=True, slots=True)
class CheckedIn:
    checkin: Checkin
    balance_micros: int


class CheckinWorkingSet(WorkingSet):
    rank = 30

    def __init__(self) -> None:
        self.tenants: set[Tenant] = set()
        self.settings: dict[str, CheckinSettings] = {}
        self.time_zones: dict[str, str] = {}
        self.last: dict[Tenant, Checkin] = {}
        self.awarded_micros: dict[str, int] = {}  # today, by environment
        self._new: list[Checkin] = []
        self._deltas: dict[str, int] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        """Lock the day's budget, which all tenants share."""
        environments = sorted({environment for _, environment in self.tenants})
        self.settings = await read_settings(tx, environments)
        self.time_zones = await load_time_zones(tx, {account_id for account_id, _ in self.tenants})
        for row in await tx.fetch(_LAST, tenants=sorted(self.tenants)):
            last = _ROWS.read(row)
            self.last[Tenant(last.account_id, last.environment)] = last
        await self._add(tx, dict.fromkeys(environments, 0), now_us)
        rows = await tx.fetch(
            """SELECT environment, awarded_micros FROM checkin_days
               WHERE environment IN :environments[text] AND day_start_at = :day_start_at""",
            environments=environments,
            day_start_at=day_start_us(now_us),
        )
        self.awarded_micros = {row["environment"]: row["awarded_micros"] for row in rows}

    async def update(self, tx: Transaction, now_us: int) -> None:
        rows = [(*_ROWS.write(one), now_us) for one in self._new]
        await tx.insert("checkins", (*_ROWS.columns, "created_at"), rows)
        await self._add(tx, self._deltas, now_us)

    def add(self, checkin: Checkin) -> None:
        self.changes += 1
        environment, micros = checkin.environment, checkin.awarded_micros
        self.last[Tenant(checkin.account_id, environment)] = checkin
        self.awarded_micros[environment] += micros
        self._deltas[environment] = self._deltas.get(environment, 0) + micros
        self._new.append(checkin)

    async def _add(self, tx: Transaction, deltas: dict[str, int], now_us: int) -> None:
        """Add awarded amounts to the day's totals. Adding 0 creates and locks a missing row."""
        day_start_at = day_start_us(now_us)
        await tx.insert(
            "checkin_days",
            ("environment", "day_start_at", "awarded_micros"),
            [(environment, day_start_at, micros) for environment, micros in sorted(deltas.items())],
            on_conflict="""ON CONFLICT (environment, day_start_at) DO UPDATE
                SET awarded_micros = checkin_days.awarded_micros + excluded.awarded_micros""",
        )


@dataclass(frozen=True, slots=True)
class CheckIn:
    tenant: Tenant
    pick: Pick

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.places.add((*self.tenant, LedgerAccountKind.PROMOTION, ""))
        read_set.working_set(CheckinWorkingSet).tenants.add(self.tenant)

    def decide(self, state: BatchState) -> CheckedIn:
        account_id, environment = self.tenant
        working_set = state.working_set(CheckinWorkingSet)
        settings, last = working_set.settings[environment], working_set.last.get(self.tenant)
        if not settings.is_enabled:
            raise CheckinOff("Check-ins are off in this environment.", reason="checkin_off")
        now_us = state.now_of(self.tenant)
        if last is not None and now_us < last.next_at:
            raise _already(last, now_us)
        wanted_zone = working_set.time_zones[account_id]
        time_zone = wanted_zone if last is None else last.next_time_zone
        zone_of(wanted_zone)
        day = day_of(now_us, zone_of(time_zone))
        streak = 1 if last is None else streak_of(last.day, last.streak, day)
        checkin = Checkin(
            account_id=account_id,
            environment=environment,
            day=day,
            time_zone=time_zone,
            next_time_zone=wanted_zone,
            streak=streak,
            awarded_micros=self._award_micros(settings, streak),
            grant_id=new_id("grt"),
            checked_in_at=now_us,
        )
        _check_budget(settings, working_set.awarded_micros[environment], checkin, state.now_us)
        self._grant(state, checkin)
        working_set.add(checkin)
        return CheckedIn(checkin, state.ledger.balance_micros(self.tenant, state.now_us))

    def _award_micros(self, settings: CheckinSettings, streak: int) -> int:
        low, high = settings.credits_min, settings.credits_max
        base = low if low == high else self.pick(low, high)
        assert low <= base <= high, "the random source keeps to its bounds"
        return (base + settings.bonus_credits(streak)) * MICROS_PER_CREDIT

    def _grant(self, state: BatchState, checkin: Checkin) -> None:
        source = state.ledger.account(self.tenant, LedgerAccountKind.PROMOTION)
        owed = state.ledger.owed(self.tenant)
        debt_micros = min(owed.balance_micros, checkin.awarded_micros)
        rest_micros = checkin.awarded_micros - debt_micros
        # The audit adds up transfers by code, so both parts of the award have the same one.
        for target, micros in ((owed, debt_micros), (None, rest_micros)):
            if micros:
                place = LedgerAccountKind.GRANT, checkin.grant_id
                to = target or state.ledger.account(self.tenant, *place)
                state.move(source, to, micros, Code.CHECKIN, subject_id=checkin.grant_id)


async def last_of(tx: Transaction, tenant: Tenant) -> Checkin | None:
    row = await tx.fetch_one(_LAST, tenants=[tenant])
    return None if row is None else _ROWS.read(row)


def _already(last: Checkin, now_us: int) -> AlreadyCheckedIn:
    wait_s = -((now_us - last.next_at) // SECOND_US)
    next_checkin_at = rfc3339(-(-last.next_at // SECOND_US) * SECOND_US)
    return AlreadyCheckedIn(
        f"You have already checked in. You can check in again from {next_checkin_at}.",
        reason="already_checked_in",
        retry_after_s=wait_s,
        extra={"next_checkin_at": next_checkin_at},
    )


def _check_budget(
    settings: CheckinSettings, awarded_micros: int, checkin: Checkin, now_us: int
) -> None:
    budget = settings.daily_budget_credits
    if budget is None or awarded_micros + checkin.awarded_micros <= budget * MICROS_PER_CREDIT:
        return
    resets_at = day_start_us(now_us) + DAY_US
    raise BudgetExhausted(
        "Today's budget for check-ins is used up. Try again tomorrow.",
        reason="budget_exhausted",
        retry_after_s=-((now_us - resets_at) // SECOND_US),
        extra={"resets_at": rfc3339(resets_at)},
    )


_ROWS = RowMapping(Checkin, stored={"day": Conversion(date.fromisoformat, date.isoformat)})
_LAST = f"""
    SELECT {_ROWS.of("c")}
    FROM :tenants[account_id text, environment text] AS v
    CROSS JOIN checkins c
    WHERE c.account_id = v.account_id AND c.environment = v.environment
      AND c.day = (SELECT MAX(n.day) FROM checkins n
                   WHERE n.account_id = v.account_id AND n.environment = v.environment)"""


_HINT = "At most this many credits; null: always the least."
Most = Annotated[int, Meta(ge=1, le=CREDITS_MAX, description=_HINT)]


class CheckinConfig(Struct, kw_only=True):
    """What a check-in awards, in credits. 1,000 credits are worth $1.00."""

    enabled: bool
    credits_min: Annotated[int, Meta(description="The smallest award.")]
    credits_max: Annotated[int, Meta(description="The largest award.")]
    streak_bonus_credits: int
    streak_days_max: int
    daily_budget_credits: Annotated[
        int | None,
        Meta(
            description="The most that all accounts together are awarded in a UTC day; null means no limit."
        ),
    ]


class CheckinChanges(Fields, frozen=True, kw_only=True):
    """The fields to change. Omitted fields keep their values."""

    enabled: (
        Annotated[
            bool,
            Meta(description="Whether accounts can check in."),
            said("Check-ins", hint="Accounts can check in once a day."),
        ]
        | UnsetType
    ) = UNSET
    credits_min: (
        Annotated[
            int,
            Meta(ge=1, le=CREDITS_MAX, description="The smallest award, in credits."),
            said("Smallest award (credits)"),
        ]
        | UnsetType
    ) = UNSET
    credits_max: (
        Annotated[
            Most,
            said(
                "Largest award (credits)",
                hint="Each award is random between the two numbers. Blank: always the smaller one.",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET
    streak_bonus_credits: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=CREDITS_MAX,
                description="Credits added for each day of a streak after the first.",
            ),
            said("Streak bonus per day", hint="Credits for each day of a streak after the first."),
        ]
        | UnsetType
    ) = UNSET
    streak_days_max: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=STREAK_DAYS_MAX,
                description="The longest streak for which the bonus grows, in days.",
            ),
            said("Longest streak (days)"),
        ]
        | UnsetType
    ) = UNSET
    daily_budget_credits: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=BUDGET_MAX,
                description="The most that all accounts together are awarded in a UTC day; null means no limit.",
            ),
            said(
                "Daily budget (credits)",
                hint="For all accounts together, in a UTC day. Blank: no limit.",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET


def view_of(settings: CheckinSettings) -> CheckinConfig:
    fields = to_builtins(settings)
    return CheckinConfig(enabled=fields.pop("is_enabled"), **fields)


async def change(context: ActContext, changes: Mapping[str, Any]) -> Change[CheckinSettings]:
    before = await settings(context)
    after = replace(before, **changes)
    await write_settings(context.tx, context.environment, after, now_us=context.now_us)
    return Change(before=before, after=after)


async def _change(context: ActContext, asked: CheckinChanges) -> Change[CheckinSettings]:
    changes = given(asked, enabled="is_enabled")
    if asked.credits_max is None:
        least = asked.credits_min
        changes["credits_max"] = (await settings(context)).credits_min if least is UNSET else least
    return await change(context, changes)


async def settings(context: ActContext) -> CheckinSettings:
    environment = context.environment
    return (await read_settings(context.tx, [environment]))[environment]


SHOW_CHECKIN = ReadAct(
    name="checkin.show",
    summary="Show what a check-in awards",
    path="/checkin",
    audience=(OPERATOR,),
    run=settings,
    view=view_of,
    result=CheckinConfig,
    is_catalogue=True,
    examples=("topup checkin show --environment live",),
)
SET_CHECKIN = Act(
    name="checkin.set",
    moves_money=True,
    summary="Set what check-ins award",
    description="The change applies from the next check-in. Omitted fields keep their values.",
    path="/checkin",
    method="PATCH",
    audience=(OPERATOR,),
    input=CheckinChanges,
    run=_change,
    view=view_of,
    result=CheckinConfig,
    is_catalogue=True,
    audit=Audited("checkin.configure", to_builtins, is_whole=True),
    done="The next check-in uses these settings.",
    examples=("topup checkin set --environment live --enabled --credits-min 50 --credits-max 80",),
)
ACTS = (SHOW_CHECKIN, SET_CHECKIN)
