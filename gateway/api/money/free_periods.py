"""Free periods: of plans, that an operator gives without a payment, and takes back."""

from typing import Annotated, Any

from msgspec import Meta

from billing.reports.subscription_overview import overview
from billing.reports.subscription_views import FreePeriod
from billing.subscriptions import subscription as subscriptions
from billing.subscriptions.manual.complimentary_period import (
    COMP_REASON_CHARACTERS_MAX,
    GivePeriod,
    TakePeriodBack,
)
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import LINE, Fields, Time, time_us
from kernel.tenant import Tenant
from keys.audit_log import Actor
from keys.principal import ADMIN

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


async def grant(call: RequestContext[GrantFreePeriodBody, Fields]) -> Answer:
    command = GivePeriod(
        subscription_id=call.params["subscription_id"],
        tenant=await _owner(call.params["subscription_id"], call),
        reason=call.body.reason,
        actor=Actor.of(call.principal),
        period_start_at=time_us(call.body.period_start, "period_start"),
    )

    def given(period: subscriptions.Period) -> Answer:
        return answer(codes.SUCCESS, FreePeriod.of(period), now_us=call.now_us)

    return await call.context.engine.submit_once(command, call.request_key, given)


async def revoke(call: RequestContext[RevokeFreePeriodBody, Fields]) -> Answer:
    command = TakePeriodBack(
        subscription_id=call.params["subscription_id"],
        tenant=await _owner(call.params["subscription_id"], call),
        period_id=call.params["period_id"],
        reason=call.body.reason,
        actor=Actor.of(call.principal),
        allow_owed=call.body.allow_owed,
    )

    def taken(period: subscriptions.Period) -> Answer:
        return answer(codes.SUCCESS, FreePeriod.of(period), now_us=call.now_us)

    return await call.context.engine.submit_once(command, call.request_key, taken)


async def _owner(subscription_id: str, call: RequestContext[Any, Fields]) -> Tenant:
    """Raise NotFound, also for a subscription of the other environment."""
    environment = call.principal.environment
    found = await call.context.database.read(
        lambda tx: overview(tx, subscription_id, environment=environment)
    )
    return found.subscription.tenant


ROUTES = (
    Route(
        "POST",
        "/subscriptions/{subscription_id}/free-periods",
        grant,
        "Grant a free period of a plan",
        scopes=(ADMIN,),
        body=GrantFreePeriodBody,
        description=(
            "For operators. It grants exactly what a paid period grants, without an invoice, once for"
            " each start (2006 the second time). Money that comes for that period waits in review."
        ),
        answers=ok(FreePeriod),
        refuses=(codes.NOT_FOUND, codes.DUPLICATE),
    ),
    Route(
        "POST",
        "/subscriptions/{subscription_id}/free-periods/{period_id}/revoke",
        revoke,
        "Revoke a free period",
        scopes=(ADMIN,),
        body=RevokeFreePeriodBody,
        description=(
            "For operators. What is left of its credit goes, and the plan is paid until where it was"
            " before. Where some was used up it is 2002, unless `allow_owed`."
        ),
        answers=ok(FreePeriod),
        refuses=(codes.NOT_FOUND, codes.DUPLICATE, codes.INSUFFICIENT_BALANCE),
    ),
)
