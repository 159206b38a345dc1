"""Subscriptions: the plans that an account has, and what another one would cost."""

from typing import Annotated

from msgspec import Meta

from billing.reports.subscription_views import BillingInterval, PlanChange
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Text


class ChangePlanQuery(Fields, frozen=True, kw_only=True):
    """The change that is asked about."""

    plan_id: Annotated[Text | None, Meta(description="Required.")] = None
    interval: BillingInterval = "month"


async def preview(call: RequestContext[Fields, ChangePlanQuery]) -> Answer:
    seen = await call.context.payments.steering.preview(
        call.principal.tenant,
        call.params["subscription_id"],
        call.query.plan_id,
        call.query.interval,
    )
    return answer(codes.SUCCESS, PlanChange.of(seen), now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/subscriptions/{subscription_id}/change",
        preview,
        "What a change of plans would cost",
        scopes=("billing:read",),
        query=ChangePlanQuery,
        answers=ok(PlanChange),
        refuses=(codes.ALREADY_SETTLED, codes.NOT_FOUND, codes.PROVIDER_UNAVAILABLE),
    ),
)
