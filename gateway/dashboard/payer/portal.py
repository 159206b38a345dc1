"""The sandbox's portal for plans, without scripts. It acts for the provider, whose signed notification
reports the change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, Plan, PlanItem
from billing.ledger.price import Price
from billing.payments.checkout import check_return_url
from billing.payments.sandbox import subscription as sandbox_subscription
from billing.payments.sandbox.subscription import SandboxSubscription
from billing.providers.protocol import Registration
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Subscription
from gateway.dashboard.payer.notify import carry_out, path_of
from gateway.dashboard.route import open_route
from gateway.html.forms import read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields
from keys import sandbox_clock
from store.database import Transaction

PATH = sandbox_subscription.PATH + "/{portal_token}"


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    name: str
    price: Price
    interval: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PortalView:
    """can_change: true if a period is paid and the plan continues."""

    plan: str
    price: Price
    interval: str
    provider: str
    status: str
    paid_until: int | None
    next_plan: str
    is_ending: bool
    is_paused: bool
    is_declining: bool
    can_change: bool
    choices: Sequence[Choice]
    return_url: str
    return_host: str


@dataclass(frozen=True, slots=True)
class _Known:
    subscription: SandboxSubscription
    own: Subscription
    items: Sequence[PlanItem]
    now_us: int


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    known = await _load(call)
    return page(call, "sandbox_portal.html", view=_view(call, known))


async def act(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    known = await _load(call)
    subscription, token = known.subscription, call.params["portal_token"]
    action = form.text("action")
    if action in {"decline", "accept"}:
        is_declining = action == "decline"
        await call.context.database.transaction(
            lambda tx: sandbox_subscription.set_declining(tx, token, is_declining=is_declining)
        )
    elif not _can_change(call, known):
        raise InvalidInput(phrase("the plan cannot be changed now"), param="action")
    elif action == "pause":
        await carry_out(
            call,
            subscription,
            *sandbox_subscription.pause(subscription, now_us=known.now_us, resumes_at=None),
        )
    elif action == "resume" and subscription.is_paused:
        await carry_out(call, subscription, *sandbox_subscription.resume(subscription))
    elif action in {"cancel", "resume"}:
        is_ending = action == "cancel"
        await carry_out(
            call,
            subscription,
            *sandbox_subscription.end_with_period(subscription, is_ending=is_ending),
        )
    elif action == "choose":
        item = next((i for i in known.items if _value(i) == form.text("plan")), None)
        if item is None:
            raise InvalidInput(phrase("choose one of the plans"), param="plan")
        chosen = sandbox_subscription.choose(subscription, item, now_us=known.now_us)
        await carry_out(call, subscription, *chosen)
    else:
        raise InvalidInput(phrase("press one of the page's buttons"), param="action")
    return_url = _return_url(call)
    return go(f"{call.path}?{urlencode({'return_url': return_url})}" if return_url else call.path)


async def _load(call: RequestContext[Fields, Fields]) -> _Known:
    """Raise NotFound."""
    token, now_us = call.params["portal_token"], call.now_us

    async def work(tx: Transaction) -> _Known:
        subscription = await sandbox_subscription.find(tx, token)
        own = await subscription_rows.find_by_order(tx, subscription.order_id)
        if own is None:
            raise NotFound("Subscription")
        sold = await plans.list_plans(tx, subscription.environment)
        own_now_us = await sandbox_clock.now_of(tx, subscription.tenant, now_us=now_us)
        sold_by = call.context.payments.providers.registration(subscription.provider)
        return _Known(subscription, own, _items(sold, subscription, sold_by), own_now_us)

    return await call.context.database.read(work)


def _items(
    sold: Sequence[Plan], subscription: SandboxSubscription, sold_by: Registration | None
) -> list[PlanItem]:
    found = []
    for plan in sold:
        for interval in MONTHS:
            try:
                item = plans.item_of(plan, sold_by, interval, is_simulated=True)
            except InvalidInput:
                continue  # not sold by the year, or not at this provider
            if item.price.currency == subscription.currency:
                found.append(item)
    return found


def _can_change(call: RequestContext[Any, Any], known: _Known) -> bool:
    subscription = known.subscription
    return (
        subscription.status == "active"
        and subscription.cycle > 0
        and known.now_us < subscription.paid_period[1]
        and path_of(call, subscription.provider) is not None
    )


def _view(call: RequestContext[Any, Any], known: _Known) -> PortalView:
    subscription, own = known.subscription, known.own
    return_url = _return_url(call)
    names = {_value(item): item.name for item in known.items}
    turned = next(
        (_value(i) for i in known.items if i.product_ref == subscription.next_product_ref), ""
    )
    return PortalView(
        plan=own.plan_name,
        price=Price(own.amount, own.currency),
        interval=own.interval,
        provider=subscription.provider,
        status=own.status.replace("_", " "),
        paid_until=own.paid_until_at,
        next_plan=names.get(turned, ""),
        is_ending=own.is_ending,
        is_paused=subscription.is_paused,
        is_declining=subscription.is_declining,
        can_change=_can_change(call, known),
        choices=[
            Choice(
                _value(item),
                item.name,
                item.price,
                item.interval,
                item.product_ref == own.product_ref,
            )
            for item in known.items
        ],
        return_url=return_url,
        return_host=urlsplit(return_url).hostname or "" if return_url else "",
    )


def _value(item: PlanItem) -> str:
    return f"{item.plan_id} {item.interval}"


def _return_url(call: RequestContext[Any, Any]) -> str:
    try:
        return check_return_url(read_query(call).text("return_url"), param="return_url")
    except InvalidInput:
        return ""


ROUTES = (
    open_route("GET", PATH, show, "The sandbox's portal"),
    open_route("POST", PATH, act, "Change a sandbox plan"),
)
