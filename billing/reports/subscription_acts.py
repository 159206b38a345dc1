"""Subscriptions: list, show, cancel, pause, resume and change them; grant free periods."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from billing.ledger.ledger import InsufficientBalance
from billing.payments.payments import Payments
from billing.payments.steering import ChangePreview, SubscriptionChangeRequest
from billing.providers.abilities import Act as SteeringAct, PaymentDeclined
from billing.providers.protocol import ProviderUnavailable
from billing.reports.subscription_views import (
    BillingInterval,
    FreePeriod,
    OperatorSubscription,
    PlanChange,
    Subscription,
    SubscriptionHistory,
    SubscriptionOverview,
    overview,
    overviews,
)
from billing.subscriptions.free_period import (
    COMP_REASON_CHARACTERS_MAX,
    CompRepeated,
    GivePeriod,
    TakePeriodBack,
)
from billing.subscriptions.subscription import SubscriptionState
from billing.subscriptions.subscription_change import REASON_CHARACTERS_MAX, ChangeNotAllowed
from kernel.clock import SECOND_US
from kernel.errors import NotFound
from kernel.fields import LINE, Fields, Page, Text, Time, said, time_us
from kernel.tenant import Tenant
from kernel.words import AccountName
from keys.account import id_named
from keys.act import (
    MERCHANT,
    OPERATOR,
    ActContext,
    CallContext,
    EngineAct,
    ListAct,
    ReadAct,
    StepsAct,
)
from store.database import Database, Transaction
from store.keyset import Begin

_READS = ("billing:read",)


class SubscriptionsQuery(Page, frozen=True, kw_only=True):
    """Select subscriptions in the operators' list."""

    account: AccountName | None = None
    status: (
        Annotated[SubscriptionState, Meta(description="Return only subscriptions in this state.")]
        | None
    ) = None


async def owner_of(tx: Transaction, subscription_id: str) -> Tenant:
    return (await overview(tx, subscription_id)).subscription.tenant


async def list_own(
    context: ActContext, _asked: Page, begin: Begin, limit: int
) -> Sequence[SubscriptionOverview]:
    tenant = context.tenant
    return await overviews(
        context.tx,
        tenant.environment,
        account_id=tenant.account_id,
        before_id=begin,
        limit=limit,
    )


async def list_all(
    context: ActContext, asked: SubscriptionsQuery, begin: Begin, limit: int
) -> Sequence[SubscriptionOverview]:
    return await overviews(
        context.tx,
        context.environment,
        account_id=await id_named(context.tx, asked.account),
        status=asked.status,
        before_id=begin,
        limit=limit,
    )


async def show(context: ActContext) -> SubscriptionOverview:
    return await overview(context.tx, context.object_id, tenant=context.tenant)


LIST_OWN_SUBSCRIPTIONS = ListAct(
    name="subscriptions.own",
    summary="List the account's plans, newest first",
    path="/subscriptions",
    scopes=_READS,
    audience=(MERCHANT,),
    query=Page,
    run=list_own,
    view=Subscription.of,
    result=Subscription,
    prefix="sub",
)
SHOW_OWN_SUBSCRIPTION = ReadAct(
    name="subscriptions.own",
    summary="Show a plan of the account, and its next charge",
    path="/subscriptions/{subscription_id}",
    scopes=_READS,
    audience=(MERCHANT,),
    run=show,
    view=Subscription.of,
    result=Subscription,
)
LIST_SUBSCRIPTIONS = ListAct(
    name="subscriptions.list",
    summary="List the plans of all accounts, newest first",
    path="/subscriptions",
    audience=(OPERATOR,),
    query=SubscriptionsQuery,
    run=list_all,
    view=OperatorSubscription.of,
    result=OperatorSubscription,
    prefix="sub",
    is_catalogue=True,
    columns=(
        *("id", "account_id", "status", "provider", "plan_id", "interval", "amount"),
        *("current_period_end", "cancel_at_period_end", "next_plan_id", "pending"),
    ),
    examples=("topup subscriptions list --status past_due --environment live",),
)
SHOW_SUBSCRIPTION = ReadAct(
    name="subscriptions.show",
    summary="Show a plan with its periods and the changes requested at its provider",
    path="/subscriptions/{subscription_id}",
    audience=(OPERATOR,),
    run=show,
    view=SubscriptionHistory.of,
    result=SubscriptionHistory,
    owner_of=owner_of,
    examples=("topup subscriptions show sub_4Kp1",),
)


_REFUSES = (ChangeNotAllowed, NotFound, ProviderUnavailable)
_PATH = "/subscriptions/{subscription_id}"
_WORD = (
    "The provider makes the change, and the plan changes when the provider reports it. If the provider's response"
    " is unclear, the call returns 202 with `pending`. The request is then repeated, and nothing is done twice."
)
_PAUSED = (
    "The paid period stays. While the plan is paused, nothing is charged and no credit is granted."
)
_CHANGED = (
    "A more expensive plan, or a year instead of a month, is charged at once for the rest of the period, and the"
    " change is made only if that is paid. A cheaper plan applies from the next period on; nothing is refunded."
)
_Reason = Annotated[
    str,
    Meta(
        max_length=REASON_CHARACTERS_MAX, pattern=LINE, description="The reason, for the audit log."
    ),
]
_Here = Annotated[
    bool,
    Meta(
        description="Whether to change only this installation. The provider isn't called and may continue to"
        " charge."
    ),
]
_End = Annotated[
    Literal["period_end", "now"],
    Meta(
        description="period_end: the paid period stays. now: the plan ends at once, without a refund."
    ),
    said("When", words={"period_end": "With its period", "now": "At once"}),
]
_Resumes = Annotated[
    Time | None,
    Meta(
        description="When the plan resumes automatically. If omitted, it stays paused until you resume it."
        " Providers that don't support a time refuse it."
    ),
    said("Resumes on", hint="At 00:00 UTC. Leave blank to pause until it is resumed."),
]


class CancelPlanBody(Fields, frozen=True, kw_only=True):
    """When the plan ends. Ending a plan refunds nothing."""

    at: _End = "period_end"


class PausePlanBody(Fields, frozen=True, kw_only=True):
    """When the pause ends. Until then the provider charges nothing."""

    resumes_at: _Resumes = None


class ChangePlanBody(Fields, frozen=True, kw_only=True):
    """The plan to switch to, or another billing interval of the same plan."""

    plan_id: Text
    interval: BillingInterval = "month"


class OperatorWish(Fields, frozen=True, kw_only=True):
    """An operator's reason for a change."""

    reason: _Reason | None = None


class EndPlan(OperatorWish, frozen=True, kw_only=True):
    """When the plan ends, and an operator's reason."""

    at: _End = "period_end"
    here: _Here = False


class PausePlan(OperatorWish, frozen=True, kw_only=True):
    """The end of the pause, and an operator's reason."""

    resumes_at: _Resumes = None


class ResumePlan(OperatorWish, frozen=True, kw_only=True):
    """An operator's reason, and whether to resume the plan only in this installation."""

    here: _Here = False


class ChangePlan(OperatorWish, frozen=True, kw_only=True):
    """The new plan or billing interval, and an operator's reason."""

    plan_id: Annotated[Text, Meta(description="The new plan's ID."), said("Plan")]
    interval: Annotated[BillingInterval, Meta(description="The new billing interval.")] = "month"


class ChangePlanQuery(Fields, frozen=True, kw_only=True):
    """The plan and billing interval to switch to."""

    plan_id: Annotated[Text | None, Meta(description="The new plan's ID. Required.")] = None
    interval: BillingInterval = "month"


async def find_cost(
    context: CallContext, asked: ChangePlanQuery, _database: Database
) -> ChangePreview:
    steering = context.service(Payments).steering
    return await steering.preview(context.tenant, context.object_id, asked.plan_id, asked.interval)


async def preview(context: ActContext, _asked: ChangePlanQuery) -> ChangePreview:
    found: ChangePreview = context.prepared
    return found


async def cancel(context: CallContext, asked: CancelPlanBody | EndPlan) -> SubscriptionOverview:
    return await _change(context, "cancel" if asked.at == "period_end" else "cancel_now", asked)


async def pause(context: CallContext, asked: PausePlanBody | PausePlan) -> SubscriptionOverview:
    at_us = time_us(asked.resumes_at, "resumes_at")
    # Providers accept whole seconds only.
    resumes_at = None if at_us is None else at_us - at_us % SECOND_US
    return await _change(context, "pause", asked, resumes_at=resumes_at)


async def resume(context: CallContext, asked: Fields) -> SubscriptionOverview:
    return await _change(context, "resume", asked)


async def change_plan(
    context: CallContext, asked: ChangePlanBody | ChangePlan
) -> SubscriptionOverview:
    return await _change(context, "change", asked, plan_id=asked.plan_id, interval=asked.interval)


async def _change(
    context: CallContext,
    act: SteeringAct,
    asked: Fields,
    *,
    plan_id: str | None = None,
    interval: BillingInterval | None = None,
    resumes_at: int | None = None,
) -> SubscriptionOverview:
    tenant, asker, steering = context.tenant, context.asker, context.service(Payments).steering
    request = SubscriptionChangeRequest(
        act,
        context.person if asker is None else asker.credential_id,
        plan_id,
        interval,
        by=context.by if asker is None else None,
        why=(asked.reason or None) if isinstance(asked, OperatorWish) else None,
        is_local=isinstance(asked, EndPlan | ResumePlan) and asked.here,
        resumes_at=resumes_at,
    )
    await steering.change(tenant, context.object_id, request)
    return await steering.database.read(lambda tx: overview(tx, context.object_id, tenant=tenant))


def _is_pending(shown: Subscription) -> bool:
    return shown.pending is not None


_OWN: Final[dict[str, Any]] = {
    "scopes": ("billing:write",),
    "audience": (MERCHANT,),
    "result": Subscription,
    "is_pending": _is_pending,
}
_ANYBODYS: Final[dict[str, Any]] = {
    "audience": (OPERATOR,),
    "result": SubscriptionHistory,
    "is_pending": _is_pending,
    "owner_of": owner_of,
    "names_person": True,
}
PREVIEW = ReadAct(
    name="subscriptions.own-preview",
    summary="Show what a change of plan would cost",
    path=f"{_PATH}/change",
    scopes=("billing:read",),
    audience=(MERCHANT,),
    query=ChangePlanQuery,
    prepare=find_cost,
    run=preview,
    result=PlanChange,
    refuses=_REFUSES,
)
CANCEL_OWN = StepsAct(
    name="subscriptions.own-cancel",
    summary="End a plan at the period's end or now",
    description=f"Nothing is refunded. {_WORD}",
    path=f"{_PATH}/cancel",
    input=CancelPlanBody,
    run=cancel,
    refuses=_REFUSES,
    **_OWN,
)
PAUSE_OWN = StepsAct(
    name="subscriptions.own-pause",
    summary="Pause a plan: nothing is charged until it resumes",
    description=f"{_PAUSED} {_WORD}",
    path=f"{_PATH}/pause",
    input=PausePlanBody,
    run=pause,
    refuses=_REFUSES,
    **_OWN,
)
RESUME_OWN = StepsAct(
    name="subscriptions.own-resume",
    summary="Resume a plan that is paused, or would end with its period",
    description=_WORD,
    path=f"{_PATH}/resume",
    input=Fields,
    run=resume,
    refuses=_REFUSES,
    **_OWN,
)
CHANGE_OWN = StepsAct(
    name="subscriptions.own-change",
    summary="Change to another plan or billing interval",
    description=f"{_CHANGED} {_WORD}",
    path=f"{_PATH}/change",
    input=ChangePlanBody,
    run=change_plan,
    refuses=(*_REFUSES, PaymentDeclined),
    **_OWN,
)
CANCEL = StepsAct(
    name="subscriptions.cancel",
    summary="End a plan at its provider, at the period's end or now",
    description="Nothing is refunded.",
    path=f"{_PATH}/cancel",
    input=EndPlan,
    run=cancel,
    **_ANYBODYS,
    asks="End the plan {plan_name} of {account_id}, {amount} each {interval}? Nothing is refunded.",
    done="The plan ends at the chosen time. Granted credit stays.",
    examples=(
        "topup subscriptions cancel sub_4Kp1",
        "topup subscriptions cancel sub_4Kp1 --at now --reason 'chargeback'",
        "topup subscriptions cancel sub_4Kp1 --at now --here",
    ),
)
PAUSE = StepsAct(
    name="subscriptions.pause",
    summary="Pause a plan at its provider",
    description=_PAUSED,
    path=f"{_PATH}/pause",
    input=PausePlan,
    run=pause,
    **_ANYBODYS,
    done="The plan is paused: nothing is charged until it resumes.",
    examples=(
        "topup subscriptions pause sub_4Kp1 --reason 'away for the summer'",
        "topup subscriptions pause sub_4Kp1 --resumes-at 2026-09-01T00:00:00Z",
    ),
)
RESUME = StepsAct(
    name="subscriptions.resume",
    summary="Resume a plan that is paused, or would end with its period",
    path=f"{_PATH}/resume",
    input=ResumePlan,
    run=resume,
    **_ANYBODYS,
    moves_money=True,
    asks="Resume the plan {plan_name} of {account_id}? {amount} each {interval} is charged again.",
    done="The plan is resumed.",
    examples=(
        "topup subscriptions resume sub_4Kp1",
        "topup subscriptions resume sub_4Kp1 --here --reason 'it goes on at the provider'",
    ),
)
CHANGE = StepsAct(
    name="subscriptions.change",
    summary="Change to another plan or billing interval",
    description="A more expensive plan is charged at once; a cheaper one starts with the next period.",
    path=f"{_PATH}/change",
    input=ChangePlan,
    run=change_plan,
    **_ANYBODYS,
    moves_money=True,
    asks="Change the plan {plan_name} of {account_id}, {amount} each {interval}? A more expensive plan is charged at"
    " once.",
    done="The plan is changed.",
    examples=("topup subscriptions change sub_4Kp1 --plan-id team",),
)


_PeriodReason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=COMP_REASON_CHARACTERS_MAX,
        pattern=LINE,
        description="The reason, which is stored in the audit log.",
    ),
]


class GrantFreePeriodBody(Fields, frozen=True, kw_only=True):
    """The period to give for free, and an operator's reason."""

    reason: _PeriodReason
    period_start: Annotated[
        Time | None,
        Meta(
            description="When the period begins: the end of the paid time. Default: the period that isn't paid"
            " now."
        ),
    ] = None


class RevokeFreePeriodBody(Fields, frozen=True, kw_only=True):
    """An operator's reason for revoking a free period."""

    reason: _PeriodReason
    allow_owed: Annotated[
        bool,
        Meta(
            description="Whether to revoke the period even if its credit was used. The account then owes the"
            " rest."
        ),
    ] = False


class RevokedPeriod(RevokeFreePeriodBody, frozen=True, kw_only=True):
    """The free period to revoke, and an operator's reason."""

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
    description="For operators. It grants the same as a paid period, without an invoice, once for each start"
    " (2006 the second time). If a payment for that period arrives, it waits for review.",
    path="/subscriptions/{subscription_id}/free-periods",
    audience=(MERCHANT, OPERATOR),
    input=GrantFreePeriodBody,
    command=grant,
    result=FreePeriod,
    owner_of=owner_of,
    refuses=(NotFound, CompRepeated),
    names_person=True,
    moves_money=True,
    asks="Give {account_id} a period of {plan_name} free? It grants {credits} credits, and nobody is charged.",
    done="The period and its credit are granted.",
    examples=(
        "topup subscriptions grant-period sub_4Kp1 --reason 'our provider was away'",
        "topup subscriptions grant-period sub_4Kp1 --period-start 2026-07-01T00:00:00Z --reason 'a gift'",
    ),
)
REVOKE_PERIOD = EngineAct(
    name="subscriptions.revoke-period",
    summary="Revoke a free period",
    description="The remaining credit is removed, and the plan is paid only until the time before the grant.",
    path="/subscriptions/{subscription_id}/revoke-period",
    audience=(OPERATOR,),
    input=RevokedPeriod,
    command=revoke,
    result=FreePeriod,
    owner_of=owner_of,
    refuses=(NotFound, CompRepeated, InsufficientBalance),
    names_person=True,
    moves_money=True,
    asks="Revoke a free period of {plan_name} of {account_id}? The rest of its {credits} credits is removed.",
    done="The free period is revoked.",
    examples=(
        "topup subscriptions revoke-period sub_4Kp1 --period-id per_7Qx2 --reason 'given by mistake'",
    ),
)
REVOKE_BY_PATH = EngineAct(
    name="subscriptions.revoke-by-path",
    summary="Revoke a free period",
    description="For operators. The remaining credit is removed, and the plan is paid only until the time before"
    " the grant. If some credit was used, the call returns 2002 unless `allow_owed` is set.",
    path="/subscriptions/{subscription_id}/free-periods/{period_id}/revoke",
    audience=(MERCHANT,),
    input=RevokeFreePeriodBody,
    command=revoke,
    result=FreePeriod,
    owner_of=owner_of,
    refuses=(NotFound, CompRepeated, InsufficientBalance),
    moves_money=True,
)
OWN_ACTS = (
    LIST_OWN_SUBSCRIPTIONS,
    SHOW_OWN_SUBSCRIPTION,
    *(PREVIEW, CANCEL_OWN, PAUSE_OWN, RESUME_OWN, CHANGE_OWN),
    *(GRANT_PERIOD, REVOKE_BY_PATH),
)
CHANGE_ACTS = (CANCEL, PAUSE, RESUME, CHANGE)
ACTS = (LIST_SUBSCRIPTIONS, SHOW_SUBSCRIPTION, *CHANGE_ACTS, GRANT_PERIOD, REVOKE_PERIOD)
