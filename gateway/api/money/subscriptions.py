"""Subscriptions: the plans that an account has, steered."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from billing.payments.steering import SubscriptionChangeRequest
from billing.providers.abilities.steering import Act
from billing.reports.subscription_overview import SubscriptionOverview, overview
from billing.reports.subscription_views import BillingInterval, PlanChange, Subscription
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome, ok
from gateway.api.money.orders import LEASE_S
from gateway.http.idempotency import run_steps
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import SECOND_US
from kernel.fields import Fields, Text, Time, time_us
from store.database import Transaction

_READS = ("billing:read",)
_WRITES = ("billing:write",)


class CancelPlanBody(Fields, frozen=True, kw_only=True):
    """When it ends. Nothing is paid back: a refund is another call."""

    at: Annotated[
        Literal["period_end", "now"],
        Meta(
            description="period_end: what is paid for is kept. now: at once; nothing is paid back."
        ),
    ] = "period_end"


class PausePlanBody(Fields, frozen=True, kw_only=True):
    """Until when the provider charges nothing."""

    resumes_at: Annotated[
        Time | None,
        Meta(
            description=(
                "When it goes on by itself. Null: when it is resumed. Some providers take no such time;"
                " the refusal says so."
            )
        ),
    ] = None


class ChangePlanBody(Fields, frozen=True, kw_only=True):
    """Another plan, or the same by another interval."""

    plan_id: Text
    interval: BillingInterval = "month"


class ChangePlanQuery(Fields, frozen=True, kw_only=True):
    """The change that is asked about."""

    plan_id: Annotated[Text | None, Meta(description="Required.")] = None
    interval: BillingInterval = "month"


async def cancel(call: RequestContext[CancelPlanBody, Fields]) -> Answer:
    return await _steer(call, "cancel" if call.body.at == "period_end" else "cancel_now")


async def pause(call: RequestContext[PausePlanBody, Fields]) -> Answer:
    resumes_at = time_us(call.body.resumes_at, "resumes_at")
    if resumes_at is not None:
        resumes_at -= resumes_at % SECOND_US  # as providers have it
    return await _steer(call, "pause", resumes_at=resumes_at)


async def resume(call: RequestContext[Fields, Fields]) -> Answer:
    return await _steer(call, "resume")


async def change(call: RequestContext[ChangePlanBody, Fields]) -> Answer:
    return await _steer(call, "change", call.body.plan_id, call.body.interval)


async def preview(call: RequestContext[Fields, ChangePlanQuery]) -> Answer:
    seen = await call.context.payments.steering.preview(
        call.principal.tenant,
        call.params["subscription_id"],
        call.query.plan_id,
        call.query.interval,
    )
    return answer(codes.SUCCESS, PlanChange.of(seen), now_us=call.now_us)


async def _steer(
    call: RequestContext[Any, Fields],
    act: Act,
    plan_id: str | None = None,
    interval: BillingInterval | None = None,
    resumes_at: int | None = None,
) -> Answer:
    context, principal = call.context, call.principal
    wish = SubscriptionChangeRequest(
        act, principal.credential_id, plan_id, interval, resumes_at=resumes_at
    )

    async def steps() -> Answer:
        await context.payments.steering.steer(
            principal.tenant, call.params["subscription_id"], wish
        )
        found = await _seen(call)
        shown = Subscription.of(found)
        if shown.pending is None:
            return answer(codes.SUCCESS, shown, now_us=call.now_us)
        return answer(codes.SUCCESS, shown, now_us=call.now_us, http_status=202, status="pending")

    return await run_steps(context, principal, call.request_key, steps, lease_s=LEASE_S)


async def _seen(call: RequestContext[Any, Fields]) -> SubscriptionOverview:
    tenant, wanted_id = call.principal.tenant, call.params["subscription_id"]

    async def work(tx: Transaction) -> SubscriptionOverview:
        return await overview(tx, wanted_id, tenant=tenant)

    return await call.context.database.read(work)


_STEERED = (Outcome(200, Subscription), Outcome(202, Subscription))
_REFUSES = (codes.ALREADY_SETTLED, codes.NOT_FOUND, codes.PROVIDER_UNAVAILABLE)
_WORD = (
    " The provider does it, and its word moves the subscription: 202 with `pending` where it gave no"
    " clear answer; it is then asked again by itself, and nothing is done twice."
)

ROUTES = (
    Route(
        "GET",
        "/subscriptions/{subscription_id}/change",
        preview,
        "What a change of plans would cost",
        scopes=_READS,
        query=ChangePlanQuery,
        answers=ok(PlanChange),
        refuses=_REFUSES,
    ),
    Route(
        "POST",
        "/subscriptions/{subscription_id}/cancel",
        cancel,
        "End a plan, with its period or at once",
        scopes=_WRITES,
        body=CancelPlanBody,
        description=f"Ending it at once pays nothing back.{_WORD}",
        answers=_STEERED,
        refuses=_REFUSES,
    ),
    Route(
        "POST",
        "/subscriptions/{subscription_id}/pause",
        pause,
        "Pause a plan: nothing is charged until it goes on",
        scopes=_WRITES,
        body=PausePlanBody,
        description=(
            "What is paid for is kept; for time that passes while it is paused nothing is charged and no"
            f" credit comes.{_WORD}"
        ),
        answers=_STEERED,
        refuses=_REFUSES,
    ),
    Route(
        "POST",
        "/subscriptions/{subscription_id}/resume",
        resume,
        "Let a plan go on that is paused, or was to end with its period",
        scopes=_WRITES,
        description=_WORD.strip(),
        answers=_STEERED,
        refuses=_REFUSES,
    ),
    Route(
        "POST",
        "/subscriptions/{subscription_id}/change",
        change,
        "Change to another plan, or by another interval",
        scopes=_WRITES,
        body=ChangePlanBody,
        description=(
            "A dearer plan, or a year in place of a month, is charged at once for what is left of the"
            " period, and made only if that is paid; a cheaper plan counts from the next period on,"
            f" and nothing is paid back.{_WORD}"
        ),
        answers=_STEERED,
        refuses=(*_REFUSES, codes.PAYMENT_REQUIRED),
    ),
)
