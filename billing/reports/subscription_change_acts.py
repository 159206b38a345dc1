"""Subscriptions: end, pause, resume and change an account's plan, by merchants and operators."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from billing.payments.payments import Payments
from billing.payments.steering import ChangePreview, SubscriptionChangeRequest
from billing.providers.abilities import Act as SteeringAct, PaymentDeclined
from billing.providers.protocol import ProviderUnavailable
from billing.reports.subscription_acts import owner_of
from billing.reports.subscription_overview import SubscriptionOverview, overview
from billing.reports.subscription_views import (
    BillingInterval,
    PlanChange,
    Subscription,
    SubscriptionHistory,
)
from billing.subscriptions.subscription_change import REASON_CHARACTERS_MAX, ChangeNotAllowed
from kernel.clock import SECOND_US
from kernel.errors import NotFound
from kernel.fields import LINE, Fields, Text, Time, said, time_us
from keys.act import MERCHANT, OPERATOR, ActContext, CallContext, ReadAct, StepsAct
from store.database import Database

_REFUSES = (ChangeNotAllowed, NotFound, ProviderUnavailable)
_PATH = "/subscriptions/{subscription_id}"
_WORD = (
    "The provider does it, and its word moves the subscription: 202 with `pending` where it gave no"
    " clear answer; it is then asked again by itself, and nothing is done twice."
)
_PAUSED = (
    "What is paid for is kept; for time that passes while it is paused nothing is charged and no"
    " credit comes."
)
_CHANGED = (
    "A dearer plan, or a year in place of a month, is charged at once for what is left of the"
    " period, and made only if that is paid; a cheaper plan counts from the next period on,"
    " and nothing is paid back."
)
_Reason = Annotated[
    str,
    Meta(max_length=REASON_CHARACTERS_MAX, pattern=LINE, description="Why, for the audit log."),
]
_Here = Annotated[
    bool,
    Meta(
        description="In this installation alone: its provider is not asked, and may go on charging."
    ),
]
_End = Annotated[
    Literal["period_end", "now"],
    Meta(description="period_end: what is paid for is kept. now: at once; nothing is paid back."),
    said("When", words={"period_end": "With its period", "now": "At once"}),
]
_Resumes = Annotated[
    Time | None,
    Meta(
        description=(
            "When it goes on by itself. Null: when it is resumed. Some providers take no such time;"
            " the refusal says so."
        )
    ),
    said("Resumes on", hint="At 00:00 UTC. Leave blank to pause until it is resumed."),
]


class CancelPlanBody(Fields, frozen=True, kw_only=True):
    """When the plan ends. Nothing is paid back: a refund is a separate call."""

    at: _End = "period_end"


class PausePlanBody(Fields, frozen=True, kw_only=True):
    """Until when the provider charges nothing."""

    resumes_at: _Resumes = None


class ChangePlanBody(Fields, frozen=True, kw_only=True):
    """Another plan, or the same by another interval."""

    plan_id: Text
    interval: BillingInterval = "month"


class OperatorWish(Fields, frozen=True, kw_only=True):
    """What every change by an operator may say."""

    reason: _Reason | None = None


class EndPlan(OperatorWish, frozen=True, kw_only=True):
    """When to end the plan, and why."""

    at: _End = "period_end"
    here: _Here = False


class PausePlan(OperatorWish, frozen=True, kw_only=True):
    """Until when to pause the plan, and why."""

    resumes_at: _Resumes = None


class ResumePlan(OperatorWish, frozen=True, kw_only=True):
    """Why the plan resumes."""

    here: _Here = False


class ChangePlan(OperatorWish, frozen=True, kw_only=True):
    """The new plan or interval, and why."""

    plan_id: Annotated[Text, Meta(description="The other plan's ID."), said("Plan")]
    interval: Annotated[BillingInterval, Meta(description="How often it is paid from then on.")] = (
        "month"
    )


class ChangePlanQuery(Fields, frozen=True, kw_only=True):
    """The change that is asked about."""

    plan_id: Annotated[Text | None, Meta(description="Required.")] = None
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
    # Providers have whole seconds.
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


# What the acts on the account's own plan, and on anybody's, have in common.
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
    summary="What a change of plans would cost",
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
    summary="End a plan, with its period or at once",
    description=f"Ending it at once pays nothing back. {_WORD}",
    path=f"{_PATH}/cancel",
    input=CancelPlanBody,
    run=cancel,
    refuses=_REFUSES,
    **_OWN,
)
PAUSE_OWN = StepsAct(
    name="subscriptions.own-pause",
    summary="Pause a plan: nothing is charged until it goes on",
    description=f"{_PAUSED} {_WORD}",
    path=f"{_PATH}/pause",
    input=PausePlanBody,
    run=pause,
    refuses=_REFUSES,
    **_OWN,
)
RESUME_OWN = StepsAct(
    name="subscriptions.own-resume",
    summary="Let a plan go on that is paused, or was to end with its period",
    description=_WORD,
    path=f"{_PATH}/resume",
    input=Fields,
    run=resume,
    refuses=_REFUSES,
    **_OWN,
)
CHANGE_OWN = StepsAct(
    name="subscriptions.own-change",
    summary="Change to another plan, or by another interval",
    description=f"{_CHANGED} {_WORD}",
    path=f"{_PATH}/change",
    input=ChangePlanBody,
    run=change_plan,
    refuses=(*_REFUSES, PaymentDeclined),
    **_OWN,
)
CANCEL = StepsAct(
    name="subscriptions.cancel",
    summary="End a plan at its provider, with its period or at once",
    description="Nothing is paid back.",
    path=f"{_PATH}/cancel",
    input=EndPlan,
    run=cancel,
    **_ANYBODYS,
    asks="End the plan {plan_name} of {account_id}, {amount} each {interval}? Nothing is paid back.",
    done="The plan ends as you said. Credit that was granted stays.",
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
    summary="Resume a plan that is paused, or was to end with its period",
    path=f"{_PATH}/resume",
    input=ResumePlan,
    run=resume,
    **_ANYBODYS,
    moves_money=True,
    asks="Resume the plan {plan_name} of {account_id}? {amount} each {interval} is charged again.",
    done="The plan was resumed.",
    examples=(
        "topup subscriptions resume sub_4Kp1",
        "topup subscriptions resume sub_4Kp1 --here --reason 'it goes on at the provider'",
    ),
)
CHANGE = StepsAct(
    name="subscriptions.change",
    summary="Change to another plan, or by another interval",
    description="A more expensive plan is charged at once; a cheaper one starts with the next "
    "period.",
    path=f"{_PATH}/change",
    input=ChangePlan,
    run=change_plan,
    **_ANYBODYS,
    moves_money=True,
    asks=(
        "Change the plan {plan_name} of {account_id}, {amount} each {interval}? A dearer plan is charged"
        " at once."
    ),
    done="The plan is changed.",
    examples=("topup subscriptions change sub_4Kp1 --plan-id team",),
)
OWN_ACTS = (PREVIEW, CANCEL_OWN, PAUSE_OWN, RESUME_OWN, CHANGE_OWN)
ACTS = (CANCEL, PAUSE, RESUME, CHANGE)
