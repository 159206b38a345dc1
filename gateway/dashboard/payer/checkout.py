"""The sandbox's checkout, without scripts. Its signed notification goes over HTTP to this gateway, like a
provider's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order, amend
from billing.payments.sandbox import (
    cards,
    checkout as sandbox_checkout,
    subscription as sandbox_subscription,
)
from billing.payments.sandbox.cards import PATH, TEST_CARDS
from billing.payments.sandbox.checkout import CheckoutOutcome, SandboxCheckout
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
from billing.subscriptions import records as subscription_rows
from gateway.dashboard.payer.notify import carry_out, notify, path_of
from gateway.dashboard.route import open_route
from gateway.html.forms import read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields
from store.database import Transaction

_OUTCOMES: dict[str, CheckoutOutcome] = {"paid": "paid", "failed": "failed", "expired": "expired"}
Result = Literal["paid", "failed", "expired", "closed"]
Says = Literal["waiting", "review", "paid", "closed", "nothing"]


@dataclass(frozen=True, slots=True)
class EndedCheckout:
    """repeat: the button to press again if the gateway hasn't acted yet."""

    result: Result
    says: Says
    repeat: CheckoutOutcome | None
    event: LogEntry | None
    next_url: str
    next_host: str | None


@dataclass(frozen=True, slots=True)
class CheckoutView:
    """item: a pack or a plan by its name; None: an amount."""

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
    await _bill_first(call, order)
    return go(call.path)


async def _bill_first(call: RequestContext[Any, Any], order: Order) -> None:
    """Bill a plan's first period with its checkout; after a crash here a worker does it."""
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
    found = await call.context.database.read(lambda tx: cards.find(tx, token))
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
    await call.context.database.transaction(lambda tx: cards.choose(tx, token, chosen))
    return go(call.path)


ROUTES = (
    open_route("GET", "/sandbox/checkout/{checkout_token}", show, "The sandbox's checkout"),
    open_route("POST", "/sandbox/checkout/{checkout_token}", decide, "Decide a sandbox checkout"),
    open_route("GET", f"{PATH}/{{card_token}}", show_card, "The sandbox's page that saves a card"),
    open_route("POST", f"{PATH}/{{card_token}}", save, "Save a sandbox card"),
)
