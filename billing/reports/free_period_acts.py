"""Free periods: of plans, that an operator gives without a payment, and takes back."""

from typing import Annotated

from msgspec import Meta

from billing.ledger.ledger import InsufficientBalance
from billing.reports.subscription_acts import owner_of
from billing.reports.subscription_views import FreePeriod
from billing.subscriptions.manual.complimentary_period import (
    COMP_REASON_CHARACTERS_MAX,
    CompRepeated,
    GivePeriod,
    TakePeriodBack,
)
from kernel.errors import NotFound
from kernel.fields import LINE, Fields, Text, Time, said, time_us
from keys.act import MERCHANT, OPERATOR, CallContext, EngineAct

_Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=COMP_REASON_CHARACTERS_MAX,
        pattern=LINE,
        description="Why, for whoever looks at it later; it stands in the audit log.",
    ),
]


class GrantFreePeriodBody(Fields, frozen=True, kw_only=True):
    """Which period is given, and why."""

    reason: _Reason
    period_start: Annotated[
        Time | None,
        Meta(
            description=(
                "When it begins: where the paid time ends. Left out: the period that is not paid"
                " now."
            )
        ),
    ] = None


class RevokeFreePeriodBody(Fields, frozen=True, kw_only=True):
    """Why a free period is taken back."""

    reason: _Reason
    allow_owed: Annotated[
        bool,
        Meta(description="Also where its credit was used up: the account owes the rest."),
    ] = False


class RevokedPeriod(RevokeFreePeriodBody, frozen=True, kw_only=True):
    """Which free period to revoke, and why."""

    period_id: Annotated[Text, Meta(description="The free period's ID."), said("Period")]


async def grant(context: CallContext, asked: GrantFreePeriodBody) -> GivePeriod:
    return GivePeriod(
        subscription_id=context.object_id,
        tenant=context.tenant,
        reason=asked.reason,
        actor=context.by,
        by_name=context.person,
        period_start_at=time_us(asked.period_start, "period_start"),
    )


async def revoke(
    context: CallContext, asked: RevokedPeriod | RevokeFreePeriodBody
) -> TakePeriodBack:
    return TakePeriodBack(
        subscription_id=context.object_id,
        tenant=context.tenant,
        period_id=asked.period_id if isinstance(asked, RevokedPeriod) else context.inner_id,
        reason=asked.reason,
        actor=context.by,
        by_name=context.person,
        allow_owed=asked.allow_owed,
    )


GRANT_PERIOD = EngineAct(
    name="subscriptions.grant-period",
    summary="Grant a free period of a plan",
    description=(
        "For operators. It grants exactly what a paid period grants, without an invoice, once for"
        " each start (2006 the second time). Money that comes for that period waits in review."
    ),
    path="/subscriptions/{subscription_id}/free-periods",
    audience=(MERCHANT, OPERATOR),
    input=GrantFreePeriodBody,
    command=grant,
    result=FreePeriod,
    owner_of=owner_of,
    refuses=(NotFound, CompRepeated),
    names_person=True,
    moves_money=True,
    asks=(
        "Give {account_id} a period of {plan_name} free? It grants {credits} credits, and nobody is"
        " charged."
    ),
    done="The period is given, and its credit is there.",
    examples=(
        "topup subscriptions grant-period sub_4Kp1 --reason 'our provider was away'",
        "topup subscriptions grant-period sub_4Kp1 --period-start 2026-07-01T00:00:00Z --reason 'a gift'",
    ),
)
REVOKE_PERIOD = EngineAct(
    name="subscriptions.revoke-period",
    summary="Revoke a free period",
    description="Its remaining credit is removed, and the plan is paid until the time before the "
    "grant.",
    path="/subscriptions/{subscription_id}/revoke-period",
    audience=(OPERATOR,),
    input=RevokedPeriod,
    command=revoke,
    result=FreePeriod,
    owner_of=owner_of,
    refuses=(NotFound, CompRepeated, InsufficientBalance),
    names_person=True,
    moves_money=True,
    asks=(
        "Take a free period of {plan_name} back from {account_id}? What is left of its {credits}"
        " credits goes."
    ),
    done="The free period is taken back.",
    examples=(
        "topup subscriptions revoke-period sub_4Kp1 --period-id per_7Qx2 --reason 'given by mistake'",
    ),
)
REVOKE_BY_PATH = EngineAct(
    name="subscriptions.revoke-by-path",
    summary="Revoke a free period",
    description=(
        "For operators. What is left of its credit goes, and the plan is paid until where it was"
        " before. Where some was used up it is 2002, unless `allow_owed`."
    ),
    path="/subscriptions/{subscription_id}/free-periods/{period_id}/revoke",
    audience=(MERCHANT,),
    input=RevokeFreePeriodBody,
    command=revoke,
    result=FreePeriod,
    owner_of=owner_of,
    refuses=(NotFound, CompRepeated, InsufficientBalance),
    moves_money=True,
)
ACTS = (GRANT_PERIOD, REVOKE_PERIOD)
PUBLIC_ACTS = (GRANT_PERIOD, REVOKE_BY_PATH)
