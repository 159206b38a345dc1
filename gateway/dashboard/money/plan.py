"""Show the account's plan and the plans for sale, and subscribe to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.responses import Response

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, Plan, PlanItem
from billing.ledger.price import Price
from billing.orders.place import NewOrder
from billing.payments.order_acts import LEASE_S
from billing.providers.protocol import Interval
from billing.reports.subscription_acts import (
    CANCEL_OWN,
    CHANGE_OWN,
    PAUSE_OWN,
    PREVIEW,
    RESUME_OWN,
    SHOW_OWN_SUBSCRIPTION,
)
from billing.reports.subscription_views import plan_overview
from billing.subscriptions.subscription import Subscription
from gateway.answers.answer import Answer
from gateway.dashboard.act import form_key
from gateway.dashboard.money.buy import BACK, MADE_BEFORE, ways_to_pay
from gateway.dashboard.money.orders import PATH as ORDERS
from gateway.dashboard.route import page_route
from gateway.html.format import price
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.idempotency import run_steps
from gateway.http.own_acts import Ids, read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.ids import new_id
from keys.act import AnyChange
from store.idempotency import KeyReused


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """`value` is what the form sends. `price` and `credits` are for a whole interval. `seller` is None if the user
    chooses the provider.
    """

    value: str
    plan: Plan
    interval: str
    price: Price
    credits: int
    seller: str | None


def offers_of(
    call: RequestContext[Any, Any], sold: Sequence[Plan]
) -> tuple[Sequence[PlanOffer], Sequence[tuple[str, str]]]:
    """Return the offers and the providers to choose from. If the offers name their own providers, the user can't
    choose one.
    """
    ways = dict(ways_to_pay(call, "subscription"))
    found = [
        (plan, interval, sellers)
        for plan in sold
        for interval in MONTHS
        if (sellers := [name for name in ways if _item(call, plan, interval, name) is not None])
    ]
    if all(sellers == found[0][2] for _, _, sellers in found):
        offers = [_offer(call, plan, interval, names[0], None) for plan, interval, names in found]
        return offers, [(name, ways[name]) for name in (found[0][2] if found else ())]
    return [
        _offer(call, plan, interval, name, ways[name])
        for plan, interval, names in found
        for name in names
    ], []


def _offer(
    call: RequestContext[Any, Any], plan: Plan, interval: Interval, name: str, label: str | None
) -> PlanOffer:
    item = _item(call, plan, interval, name)
    assert item is not None, "it is sold so"
    value = f"{plan.id}/{interval}" if label is None else f"{plan.id}/{interval}/{name}"
    granted = plan.credits_included * MONTHS[interval]
    return PlanOffer(value, plan, interval, item.price, granted, label)


def _item(
    call: RequestContext[Any, Any], plan: Plan, interval: Interval, provider: str
) -> PlanItem | None:
    providers, environment = call.context.payments.providers, call.principal.environment
    is_simulated = providers.is_simulated(provider, environment)
    try:
        return plans.item_of(
            plan, providers.registration(provider), interval, is_simulated=is_simulated
        )
    except InvalidInput:
        return None


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
    """Return the order that the form describes. Raise InvalidInput or NotFound if there is no such offer."""
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
                continue  # the plan isn't sold for this interval
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


_STEERS: Final[Mapping[str, AnyChange]] = {"pause": PAUSE_OWN, "resume": RESUME_OWN}
_SAID: Final = {
    "cancel": "plan-ending",
    "cancel_now": "plan-ended",
    "pause": "plan-paused",
    "resume": "plan-resumed",
}


async def steer(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    act = form.text("act")
    try:
        if act not in _SAID:
            raise InvalidInput(phrase("press one of the page's buttons"), param="act")
        body = {"cancel": {"at": "period_end"}, "cancel_now": {"at": "now"}}.get(act, {})
        if act == "pause" and form.text("resumes_at"):
            body = {"resumes_at": f"{form.text('resumes_at')}T00:00:00Z"}
        own = _STEERS.get(act, CANCEL_OWN)
        done = await run_own(call, own, body, await _own_id(call), key=form.idempotency_key)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return go(PATH, said="plan-asked" if done["pending"] else _SAID[act])


async def show_change(call: RequestContext[Fields, Fields]) -> Reply:
    plan_id, _, interval = read_query(call).text("plan").partition("/")
    if not plan_id:
        return await plan_page(call, Form())
    try:
        ids = await _own_id(call)
        cost = await read_own(call, PREVIEW, ids, plan_id=plan_id, interval=interval)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return page(call, "plan_change.html", cost=cost, form_key=new_id("frm"))


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    plan_id, _, interval = form.text("plan").partition("/")
    try:
        body = {"plan_id": plan_id, "interval": interval}
        done = await run_own(call, CHANGE_OWN, body, await _own_id(call), key=form.idempotency_key)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return go(PATH, said="plan-asked" if done["pending"] else "plan-changed")


async def _own_id(call: RequestContext[Any, Any]) -> Ids:
    tenant = call.principal.tenant
    seen = await call.context.database.read(lambda tx: plan_overview(tx, tenant))
    if seen.own is None:
        raise NotFound("Subscription")
    return {"subscription_id": seen.own.id}


ROUTES = (
    page_route("GET", "/plan", show, "The account's plan", _READ),
    page_route("POST", "/plan", subscribe, "Take a plan", _WRITE),
    page_route("POST", "/plan/portal", open_portal, "Where the plan is managed", _WRITE),
    page_route("POST", "/plan/steer", steer, "End, pause or resume the plan", _WRITE),
    page_route("GET", "/plan/change", show_change, "What another plan costs", _READ),
    page_route("POST", "/plan/change", change, "Change the plan", _WRITE),
)
