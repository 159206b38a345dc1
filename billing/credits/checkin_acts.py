"""Check-in settings: what accounts get for coming by once a day, in each environment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins

from billing.credits import checkin
from billing.credits.checkin import (
    BUDGET_MAX,
    CREDITS_MAX,
    STREAK_DAYS_MAX,
    CheckinSettings,
)
from kernel.fields import Fields, given, said
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ReadAct

_HINT = "At most this many credits; null: always the least."
Most = Annotated[int, Meta(ge=1, le=CREDITS_MAX, description=_HINT)]


class CheckinConfig(Struct, kw_only=True):
    """What a check-in awards, in credits; 1,000 are worth $1.00."""

    enabled: bool
    credits_min: Annotated[int, Meta(description="The least that one awards.")]
    credits_max: Annotated[int, Meta(description="The most; the award is random between the two.")]
    streak_bonus_credits: int
    streak_days_max: int
    daily_budget_credits: Annotated[int | None, Meta(description="Null: without a limit.")]


class CheckinChanges(Fields, frozen=True, kw_only=True):
    """What to change; omitted fields stay."""

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
            Meta(ge=1, le=CREDITS_MAX, description="At least this many credits."),
            said("Credits, at least"),
        ]
        | UnsetType
    ) = UNSET
    credits_max: (
        Annotated[
            Most,
            said(
                "Credits, at most",
                hint="The award is random between the two; blank: always the first.",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET
    streak_bonus_credits: (
        Annotated[
            int,
            Meta(ge=0, le=CREDITS_MAX, description="More for each day in a row after the first."),
            said("More for each day in a row", hint="From the second day on."),
        ]
        | UnsetType
    ) = UNSET
    streak_days_max: (
        Annotated[
            int,
            Meta(ge=0, le=STREAK_DAYS_MAX, description="How many days in a row count."),
            said("Days in a row that count"),
        ]
        | UnsetType
    ) = UNSET
    daily_budget_credits: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=BUDGET_MAX,
                description="For all accounts together, by UTC day; null: without a limit.",
            ),
            said(
                "Budget of a day, credits",
                hint="For all accounts together, by UTC day. Blank: without a limit.",
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
    await checkin.write_settings(context.tx, context.environment, after, now_us=context.now_us)
    return Change(before=before, after=after)


async def _change(context: ActContext, asked: CheckinChanges) -> Change[CheckinSettings]:
    changes = given(asked, enabled="is_enabled")
    if asked.credits_max is None:
        least = asked.credits_min
        changes["credits_max"] = (await settings(context)).credits_min if least is UNSET else least
    return await change(context, changes)


async def settings(context: ActContext) -> CheckinSettings:
    environment = context.environment
    return (await checkin.read_settings(context.tx, [environment]))[environment]


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
    description="It holds from the next check-in on; what is left out stays.",
    path="/checkin",
    method="PATCH",
    audience=(OPERATOR,),
    input=CheckinChanges,
    run=_change,
    view=view_of,
    result=CheckinConfig,
    is_catalogue=True,
    audit=Audited("checkin.configure", to_builtins, is_whole=True),
    done="Check-ins award what is set here, from the next one on.",
    examples=("topup checkin set --environment live --enabled --credits-min 50 --credits-max 80",),
)
ACTS = (SHOW_CHECKIN, SET_CHECKIN)
