"""Free periods: of plans, that an operator gives without a payment, and takes back."""

from typing import Any

from billing.reports.free_period_acts import RevokeFreePeriodBody
from billing.reports.subscription_overview import overview
from billing.reports.subscription_views import FreePeriod
from billing.subscriptions import subscription as subscriptions
from billing.subscriptions.manual.complimentary_period import TakePeriodBack
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys.audit_log import Actor
from keys.principal import ADMIN


async def revoke(call: RequestContext[RevokeFreePeriodBody, Fields]) -> Answer:
    command = TakePeriodBack(
        subscription_id=call.params["subscription_id"],
        tenant=await _owner(call.params["subscription_id"], call),
        period_id=call.params["period_id"],
        reason=call.body.reason,
        actor=Actor.of(call.principal),
        by_name=call.principal.account_email or call.principal.account_id,
        allow_owed=call.body.allow_owed,
    )

    def taken(period: subscriptions.Period) -> Answer:
        return answer(codes.SUCCESS, FreePeriod.of(period), now_us=call.now_us)

    return await call.context.engine.submit_once(command, call.request_key, taken)


async def _owner(subscription_id: str, call: RequestContext[Any, Fields]) -> Tenant:
    environment = call.principal.environment
    found = await call.context.database.read(
        lambda tx: overview(tx, subscription_id, environment=environment)
    )
    return found.subscription.tenant


ROUTES = (
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
