"""Show the account's plan and what is sold; subscribe."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from starlette.responses import Response

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, Plan
from billing.ledger.price import Price
from billing.orders.place import NewOrder
from billing.payments.order_acts import LEASE_S
from billing.providers.protocol import Interval
from billing.reports.plan_overview import plan_overview
from billing.reports.subscription_acts import SHOW_OWN_SUBSCRIPTION
from billing.subscriptions.subscription import Subscription
from gateway.answers.answer import Answer
from gateway.dashboard.form_idempotency import form_key
from gateway.dashboard.money.buy import BACK, MADE_BEFORE
from gateway.dashboard.money.orders import PATH as ORDERS
from gateway.dashboard.money.plan_offers import offers_of
from gateway.dashboard.route import page_route
from gateway.html.format import price
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.idempotency import run_steps
from gateway.http.own_acts import read_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.ids import new_id
from store.idempotency import KeyReused

PATH: Final = "/dashboard/plan"
_READ: Final = ("billing:read",)
_WRITE: Final = ("billing:write",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await plan_page(call, Form())


async def subscribe(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        key = form_key(call, form)
        new = await _order(call, form, None if key is None else key.request_digest)

        async def steps() -> Answer:
            made = await call.context.payments.place(call.principal.tenant, new)
            return Answer(200, made.id.encode())

        answer = await run_steps(call.context, call.principal, key, steps, lease_s=LEASE_S)
    except KeyReused:
        return await plan_page(call, form, MADE_BEFORE)
    except DomainError as error:
        return await plan_page(call, form, problem_of(error), form_key=form.idempotency_key)
    return go(f"{ORDERS}/{answer.body.decode()}/pay")


async def open_portal(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    try:
        url = await call.context.payments.portal(call.principal.tenant, f"{call.home}{PATH}")
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return page(call, "plan_portal.html", url=url)


async def _order(call: RequestContext[Any, Any], form: Form, digest: str | None) -> NewOrder:
    """Raise InvalidInput and NotFound."""
    environment = call.principal.environment
    plan_id, _, chosen = form.text("plan").partition("/")
    wanted, _, seller = chosen.partition("/")
    provider = seller or form.text("provider")
    interval = next((name for name in MONTHS if name == wanted), None)
    if interval is None:
        raise InvalidInput(phrase("choose a plan"), param="plan")
    sold = await call.context.database.read(lambda tx: plans.get_sold(tx, (environment, plan_id)))
    providers = call.context.payments.providers
    is_simulated = providers.is_simulated(provider, environment)
    sold_by = providers.registration(provider)
    way_back = f"{call.home}{BACK}/{form.idempotency_key}" if form.idempotency_key else None
    return NewOrder(
        provider=provider,
        kind="subscription",
        plan=plans.item_of(sold, sold_by, interval, is_simulated=is_simulated),
        coupon=form.text("coupon") or None,
        success_url=way_back,
        cancel_url=way_back,
        created_by=call.principal.credential_id,
        request_digest=digest,
    )


def _others(
    call: RequestContext[Any, Any], own: Subscription, sold: Sequence[Plan]
) -> list[tuple[str, str]]:
    sold_by = call.context.payments.providers.registration(own.provider)
    found = []
    for plan in sold:
        for interval in MONTHS:
            try:
                item = plans.item_of(plan, sold_by, interval, is_simulated=own.is_simulated)
            except InvalidInput:
                continue  # not by the year, or not at this provider
            if item.price.currency == own.currency and (plan.id, interval) != own.chosen:
                found.append((f"{plan.id}/{interval}", _named(plan.name, item.price, interval)))
    return found


def _named(plan: str, asked: Price, interval: Interval) -> str:
    cost = partial(price, asked.amount, asked.currency)
    if interval == "year":
        return phrase("%(plan)s, %(price)s a year", plan=plan, price=cost)
    return phrase("%(plan)s, %(price)s a month", plan=plan, price=cost)


async def plan_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    form_key: str | None = None,
) -> Response:
    tenant, providers = call.principal.tenant, call.context.payments.providers
    seen = await call.context.database.read(lambda tx: plan_overview(tx, tenant))
    shown = None
    if seen.own is not None:
        ids = {"subscription_id": seen.own.id}
        shown = await read_own(call, SHOW_OWN_SUBSCRIPTION, ids)
    offers, ways = offers_of(call, seen.sold)
    own_way = None if seen.own is None else providers.registration(seen.own.provider)
    return page(
        call,
        "plan.html",
        status=problem.status,
        form=form,
        problem=problem,
        seen=seen,
        shown=shown,
        names={plan.id: plan.name for plan in seen.sold},
        others=[] if seen.own is None else _others(call, seen.own, seen.sold),
        can_change=seen.own is not None and call.context.payments.steering.can_change(seen.own),
        is_orphan=seen.own is not None and call.context.payments.steering.is_orphan(seen.own),
        can_pause=seen.own is not None and call.context.payments.steering.can_pause(seen.own),
        has_portal=own_way is not None and own_way.has_portal,
        offers=offers,
        providers=ways,
        form_key=form_key or new_id("frm"),
    )


ROUTES = (
    page_route("GET", "/plan", show, "The account's plan", _READ),
    page_route("POST", "/plan", subscribe, "Take a plan", _WRITE),
    page_route("POST", "/plan/portal", open_portal, "Where the plan is managed", _WRITE),
)
