"""Give a period of a plan free, and take it back, from the operator's page of the subscription."""

from billing.reports.subscription_overview import overview
from billing.subscriptions.manual.complimentary_period import (
    COMP_REASON_CHARACTERS_MAX,
    GivePeriod,
    TakePeriodBack,
)
from gateway.dashboard.admin.fields import admin_route, decider
from gateway.dashboard.sales.subscriptions import PATH, subscription_page
from gateway.html.forms import Form, problem_of, read_form
from gateway.html.render import go
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys.audit_log import Actor


async def give(call: RequestContext[Fields, Fields]) -> Reply:
    form, wanted_id = read_form(call), call.params["subscription_id"]
    try:
        command = GivePeriod(
            subscription_id=wanted_id,
            tenant=await _owner(call),
            reason=_said(form, "why_free"),
            actor=Actor.of(call.principal),
            by_name=decider(call),
            period_start_at=form.integer("period_start_at"),
        )
        await call.context.engine.submit(command)
    except DomainError as error:
        return await subscription_page(call, form, problem_of(error))
    return go(f"{PATH}/{wanted_id}", said="period-given")


async def take_back(call: RequestContext[Fields, Fields]) -> Reply:
    form, wanted_id = read_form(call), call.params["subscription_id"]
    try:
        command = TakePeriodBack(
            subscription_id=wanted_id,
            tenant=await _owner(call),
            period_id=form.text("period_id"),
            reason=_said(form, "why_back"),
            actor=Actor.of(call.principal),
            by_name=decider(call),
            allow_owed=form.text("allow_owed") == "on",
        )
        await call.context.engine.submit(command)
    except DomainError as error:
        return await subscription_page(call, form, problem_of(error))
    return go(f"{PATH}/{wanted_id}", said="period-taken-back")


async def _owner(call: RequestContext[Fields, Fields]) -> Tenant:
    """Raise NotFound, also for a subscription of the other environment."""
    environment, wanted_id = call.principal.environment, call.params["subscription_id"]
    found = await call.context.database.read(
        lambda tx: overview(tx, wanted_id, environment=environment)
    )
    return found.subscription.tenant


def _said(form: Form, name: str) -> str:
    text = form.text(name)
    if not text:
        raise InvalidInput("say why, for whoever looks at it later", param=name)
    if len(text) > COMP_REASON_CHARACTERS_MAX:
        raise InvalidInput(f"at most {COMP_REASON_CHARACTERS_MAX} characters", param=name)
    return text


ROUTES = (
    admin_route(
        "POST", "/subscriptions/{subscription_id}/free-period", give, "Give a period of a plan free"
    ),
    admin_route(
        "POST",
        "/subscriptions/{subscription_id}/free-period/back",
        take_back,
        "Take back a free period",
    ),
)
