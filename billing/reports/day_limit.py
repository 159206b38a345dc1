"""What keys may still do: the asking key itself, trees of keys, pause and resume; an account's day."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from billing.engine.spending import load_key_usage
from billing.reports.key_tree import LimitUsage
from kernel.fields import Fields, said
from kernel.limits import INT64_MAX
from kernel.shaped import Shaped
from kernel.words import Cents, Time
from keys.account import set_day_limit
from keys.act import Act, ActContext, Audited, Change, ReadAct
from keys.principal import require_owner


class AccountLimitsBody(Fields, frozen=True, kw_only=True):
    """The account's own limit in this environment."""

    per_day_cents: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=INT64_MAX,
                description="On one UTC day, by all credentials together; null: no limit.",
            ),
            said("On one day", unit="cents"),
        ]
        | None
    )


class AccountLimits(Shaped, kw_only=True):
    """What binds all credentials of the account together, in this environment."""

    per_day_cents: Annotated[
        Cents | None, Meta(description="On one UTC day, by all of them; null: no such limit.")
    ]
    spent_cents: Annotated[
        Cents | None, Meta(description="Today, since the limit is there; null without one.")
    ]
    remaining_cents: Cents | None
    resets_at: Time | None


async def show_limits(context: ActContext) -> AccountLimits:
    standings = await load_key_usage(context.tx, context.tenant, (), now_us=context.now_us)
    limits = [LimitUsage.of(one) for one in standings.of(()).limits]
    if not limits:
        return AccountLimits(
            per_day_cents=None, spent_cents=None, remaining_cents=None, resets_at=None
        )
    day = limits[0]
    return AccountLimits(
        per_day_cents=day.limit,
        spent_cents=day.spent,
        remaining_cents=day.remaining,
        resets_at=day.resets_at,
    )


async def limit_day(context: ActContext, asked: AccountLimitsBody) -> Change[AccountLimits]:
    if context.asker is not None:
        require_owner(context.asker)
    before = await show_limits(context)
    await set_day_limit(context.tx, context.tenant, asked.per_day_cents)
    return Change(before=before, after=await show_limits(context))


def _as_it_is(limits: AccountLimits) -> AccountLimits:
    return limits


def _audited(limits: AccountLimits) -> Mapping[str, Any]:
    return {"per_day_cents": limits.per_day_cents}


SHOW_LIMITS = ReadAct(
    name="accounts.limits",
    summary="The account's own limit of a day",
    path="/account/limits",
    scopes=("topup:read", "keys:write"),
    run=show_limits,
    view=_as_it_is,
    result=AccountLimits,
    examples=("topup accounts limits --account ops@acme.example --environment live",),
)
LIMIT_DAY = Act(
    name="accounts.limit",
    summary="Limit what the account spends on a day",
    description=(
        "Over all of its keys, tokens, people and apps, sends, usage and holds, counted from when it is"
        " set. By a person only."
    ),
    method="PUT",
    path="/account/limits",
    scopes=("keys:write",),
    input=AccountLimitsBody,
    run=limit_day,
    view=_as_it_is,
    result=AccountLimits,
    moves_money=True,
    session_only=True,
    asks_password=True,
    audit=Audited("account.limited", _audited),
    done="The limit counts from now on.",
    examples=(
        "topup accounts limit --account ops@acme.example --environment live --per-day-cents 100000",
        "topup accounts limit --account ops@acme.example --environment live --no per-day",
    ),
)
ACTS = (SHOW_LIMITS, LIMIT_DAY)
