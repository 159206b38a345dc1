"""Show the sandbox's pages: its checkout, the page that saves a card, and a plan's portal.

The pages act for the provider. They report a change with a signed notification, sent over HTTP to this gateway's
own path.
"""

import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit

import httpx

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, Plan, PlanItem
from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order, amend
from billing.payments.checkout import check_return_url
from billing.payments.sandbox import (
    checkout as sandbox_checkout,
    subscription as sandbox_subscription,
)
from billing.payments.sandbox.checkout import (
    CARD_PATH,
    TEST_CARDS,
    CheckoutOutcome,
    SandboxCheckout,
)
from billing.payments.sandbox.subscription import SandboxSubscription
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
from billing.providers.protocol import Received, Registration, SandboxEvent
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Subscription
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

NOTIFY_S_MAX: Final = 20.0
SANDBOX_ENVIRONMENT: Final = "staging"
_log = logging.getLogger(__name__)


def path_of(call: RequestContext[Any, Any], name: str) -> str | None:
    """Return the notification's path, or None if the provider is no longer simulated."""
    providers = call.context.payments.providers
    registration = providers.registration(name)
    if registration is None or not providers.is_simulated(name, SANDBOX_ENVIRONMENT):
        return None
    return registration.paths[0]


async def notify(call: RequestContext[Any, Any], name: str, sandbox_event: SandboxEvent) -> None:
    provider, path = (
        call.context.payments.providers.of(name, SANDBOX_ENVIRONMENT),
        path_of(call, name),
    )
    if provider is not None and path is not None:
        await _send(call, path, provider.simulate(sandbox_event))


async def carry_out(
    call: RequestContext[Any, Any],
    subscription: SandboxSubscription,
    sandbox_event: SandboxEvent,
    after: SandboxSubscription,
) -> None:
    """Send the notification, then record that it was sent. After a crash in between, it is sent again."""
    await notify(call, subscription.provider, sandbox_event)
    await call.context.database.transaction(
        lambda tx: sandbox_subscription.note(tx, subscription, after)
    )


async def _send(call: RequestContext[Any, Any], path: str, notification: Received) -> None:
    host, port = call.scope["server"]
    # Plain HTTP needs no certificate authorities, so don't load them.
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx.AsyncHTTPTransport(verify=unused, uds=host if port is None else None)
    origin = "http://gateway" if port is None else f"http://{_bracketed(host)}:{port}"
    query = f"?{notification.query.decode('ascii')}" if notification.query else ""
    async with httpx.AsyncClient(transport=transport, timeout=NOTIFY_S_MAX) as client:
        try:
            answer = await client.request(
                notification.method,
                f"{origin}{path}{query}",
                headers=list(notification.headers.items()),
                content=notification.body,
            )
            status: int | str = answer.status_code
        except httpx.HTTPError as error:
            status = type(error).__name__
    fields = {"path": path, "status": status, "request_id": call.request_id.decode()}
    _log.info("sandbox.told", extra={"fields": fields})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_OUTCOMES: dict[str, CheckoutOutcome] = {"paid": "paid", "failed": "failed", "expired": "expired"}
Result = Literal["paid", "failed", "expired", "closed"]
Says = Literal["waiting", "review", "paid", "closed", "nothing"]


@dataclass(frozen=True, slots=True)
class EndedCheckout:
    """`repeat` is the button to press again if the gateway hasn't acted yet."""

    result: Result
    says: Says
    repeat: CheckoutOutcome | None
    event: LogEntry | None
    next_url: str
    next_host: str | None


@dataclass(frozen=True, slots=True)
class CheckoutView:
    """`item` is the name of a pack or plan, or None for an amount."""

    item: str | None
    price: Price
    credits: int
    coupon: str | None
    discount: Price
    provider: str
    path: str
    order_id: str
    order_status: str
    ended: EndedCheckout | None


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return page(call, "sandbox_checkout.html", view=_view(call, *await _load(call)))


async def decide(call: RequestContext[Fields, Fields]) -> Reply:
    outcome = _OUTCOMES.get(read_form(call).text("outcome"))
    if outcome is None:
        raise InvalidInput(phrase("press one of the page's buttons"), param="outcome")
    token, now_us = call.params["checkout_token"], call.now_us
    found, order, _ = await _load(call)
    if found.outcome is None and order.status != "pending":
        return go(call.path)

    async def work(tx: Transaction) -> SandboxCheckout:
        return await sandbox_checkout.decide(tx, token, outcome, now_us=now_us)

    decided = await call.context.database.transaction(work)
    await notify(call, decided.provider, decided.sandbox_event())
    if order.kind == "subscription":
        await _bill_first(call, order)
    return go(call.path)


async def _bill_first(call: RequestContext[Any, Any], order: Order) -> None:
    """Bill a plan's first period together with its checkout. After a crash here, a worker bills it."""
    begun = await call.context.database.read(
        lambda tx: sandbox_subscription.find_of_order(tx, order.id)
    )
    if begun is not None and begun.number == 0:
        await carry_out(call, begun, *sandbox_subscription.bill(begun))


async def _load(
    call: RequestContext[Fields, Fields],
) -> tuple[SandboxCheckout, Order, Sequence[LogEntry]]:
    token = call.params["checkout_token"]

    async def work(tx: Transaction) -> tuple[SandboxCheckout, Order, Sequence[LogEntry]]:
        found = await sandbox_checkout.find(tx, token)
        order = await order_list.find(tx, found.order_id)
        if order is None:
            raise NotFound("Checkout")
        if order.kind == "subscription":
            begun = await subscription_rows.find_by_order(tx, order.id)
            assert begun is not None, "it was written with the order"
            order = amend(order, credits_micros=begun.credits_micros)
        return found, order, await provider_event.of_order(tx, order.id)

    return await call.context.database.read(work)


def _view(
    call: RequestContext[Any, Any],
    found: SandboxCheckout,
    order: Order,
    events: Sequence[LogEntry],
) -> CheckoutView:
    path = path_of(call, found.provider)
    is_open = found.outcome is None and order.status == "pending" and path is not None
    return CheckoutView(
        item=order.pack_name,
        price=order.price,
        credits=order.credits_micros // MICROS_PER_CREDIT,
        coupon=order.coupon_code,
        discount=Price(order.discount, order.currency),
        provider=order.provider,
        path=path or "",
        order_id=order.id,
        order_status=order.status.replace("_", " "),
        ended=None if is_open else _ended(call, found, order, events),
    )


def _ended(
    call: RequestContext[Any, Any],
    found: SandboxCheckout,
    order: Order,
    events: Sequence[LogEntry],
) -> EndedCheckout:
    is_paid = found.outcome == "paid"
    can_tell = path_of(call, found.provider) is not None
    named = order.success_url if is_paid else order.cancel_url
    next_url = named or call.context.payments.links.status_path(order.id)
    is_told = order.status != "pending" and (not is_paid or order.paid_at is not None)
    is_waiting = found.outcome is not None and not is_told and order.status != "review"
    return EndedCheckout(
        result=found.outcome or "closed",
        says=_says(found, order, is_waiting=is_waiting),
        repeat=found.outcome if is_waiting and can_tell else None,
        event=events[-1] if events else None,
        next_url=next_url,
        next_host=urlsplit(next_url).hostname,
    )


def _says(found: SandboxCheckout, order: Order, *, is_waiting: bool) -> Says:
    if is_waiting:
        return "waiting"
    if order.status == "review":
        return "review"
    if found.outcome == "paid":
        return "paid"
    return "closed" if found.outcome is None else "nothing"


async def show_card(call: RequestContext[Fields, Fields]) -> Reply:
    token = call.params["card_token"]
    found = await call.context.database.read(lambda tx: sandbox_checkout.find_card(tx, token))
    return page(
        call,
        "sandbox_card.html",
        provider=found.provider,
        saved=None if found.card is None else TEST_CARDS[found.card],
        offered=TEST_CARDS,
        next_url=found.success_url,
        next_host=urlsplit(found.success_url).hostname,
    )


async def save(call: RequestContext[Fields, Fields]) -> Reply:
    chosen, token = read_form(call).text("card"), call.params["card_token"]
    if chosen not in TEST_CARDS:
        raise InvalidInput(phrase("press one of the page's buttons"), param="card")
    await call.context.database.transaction(
        lambda tx: sandbox_checkout.choose_card(tx, token, chosen)
    )
    return go(call.path)


PORTAL_PATH = sandbox_subscription.PATH + "/{portal_token}"


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    name: str
    price: Price
    interval: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PortalView:
    """`can_change` is true if a period is paid and the plan continues."""

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


async def show_portal(call: RequestContext[Fields, Fields]) -> Reply:
    known = await _load_portal(call)
    return page(call, "sandbox_portal.html", view=_portal_view(call, known))


async def act_for_provider(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    known = await _load_portal(call)
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


async def _load_portal(call: RequestContext[Fields, Fields]) -> _Known:
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
                continue  # the plan isn't sold for this interval
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


def _portal_view(call: RequestContext[Any, Any], known: _Known) -> PortalView:
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
    open_route("GET", "/sandbox/checkout/{checkout_token}", show, "The sandbox's checkout"),
    open_route("POST", "/sandbox/checkout/{checkout_token}", decide, "Decide a sandbox checkout"),
    open_route(
        "GET", f"{CARD_PATH}/{{card_token}}", show_card, "The sandbox's page that saves a card"
    ),
    open_route("POST", f"{CARD_PATH}/{{card_token}}", save, "Save a sandbox card"),
    open_route("GET", PORTAL_PATH, show_portal, "The sandbox's portal"),
    open_route("POST", PORTAL_PATH, act_for_provider, "Change a sandbox plan"),
)
