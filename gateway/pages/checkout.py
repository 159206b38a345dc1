"""The sandbox's checkout: the hosted page that a payer sees where a provider has a stand-in.

Promises: it works without scripts; whoever knows its address may pay, as with any hosted checkout;
what is decided there stays. Its word travels like a provider's: the signed notification goes over
HTTP to this gateway's own path for it, and what the page shows afterwards is what came of that.
"""

import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from starlette.responses import Response

from billing import order_list, provider_event, sandbox_checkout
from billing.checkout import CANCELLED_PATH, COMPLETE_PATH, title_of
from billing.money import MICROS_PER_CREDIT
from billing.order import Order
from billing.price import Price
from billing.provider import Received
from billing.provider_event import LogEntry
from billing.sandbox_checkout import Outcome, SandboxCheckout
from gateway.call import Call
from gateway.fields import Fields
from gateway.pages.form import read_form
from gateway.pages.render import go, page
from gateway.pages.route import open_route
from gateway.routing import Reply
from kernel.errors import InvalidInput, NotFound
from store.db import Transaction

TELL_S_MAX = 20.0
_OUTCOMES: dict[str, Outcome] = {"paid": "paid", "failed": "failed", "expired": "expired"}
_STANDS_IN: Final = "staging"
_WORDS: dict[Outcome, str] = {"paid": "Paid", "failed": "Declined", "expired": "Abandoned"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it. repeat: the button's word where the gateway has not acted on it yet."""

    word: str
    tone: str
    sentence: str
    repeat: Outcome | None
    event: LogEntry | None
    next_url: str
    next_host: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page, as text."""

    item: str
    amount: str
    currency: str
    credits: str
    coupon: str | None
    discount: str
    provider: str
    path: str
    order_id: str
    order_status: str
    ended: Ended | None


async def show(call: Call[Fields, Fields]) -> Reply:
    """The page as it stands."""
    return page(call, "sandbox_checkout.html", view=_view(call, *await _load(call)))


async def decide(call: Call[Fields, Fields]) -> Reply:
    """Pay, Decline or Abandon: kept, told, and shown. Pressed again, it is told again."""
    outcome = _OUTCOMES.get(read_form(call).text("outcome"))
    if outcome is None:
        raise InvalidInput("press one of the page's buttons", param="outcome")
    token, now_us = call.params["checkout_token"], call.now_us
    found, order, _ = await _load(call)
    if found.outcome is None and order.status != "pending":
        return go(call.path)

    async def work(tx: Transaction) -> SandboxCheckout:
        return await sandbox_checkout.decide(tx, token, outcome, now_us=now_us)

    decided = await call.context.database.transaction(work)
    provider = call.context.cashier.providers.of(decided.provider, _STANDS_IN)
    path = _path_of(call, decided)
    if provider is not None and path is not None:
        await _tell(call, path, provider.imitate(decided.deed()))
    return go(call.path)


async def complete(call: Call[Fields, Fields]) -> Reply:
    """Where payers land that the buyer named no success_url for."""
    return _standing(
        call,
        "Thank you",
        "The payment was handed in. The credit is in the account as soon as the payment provider"
        " has confirmed it; this page can be closed.",
    )


async def cancelled(call: Call[Fields, Fields]) -> Reply:
    """The same without a cancel_url."""
    return _standing(call, "Not paid", "Nothing was charged. This page can be closed.")


async def _load(
    call: Call[Fields, Fields],
) -> tuple[SandboxCheckout, Order, Sequence[LogEntry]]:
    """The checkout, its order, and what was told of it; raises NotFound."""
    token = call.params["checkout_token"]

    async def work(tx: Transaction) -> tuple[SandboxCheckout, Order, Sequence[LogEntry]]:
        found = await sandbox_checkout.find(tx, token)
        order = await order_list.find(tx, found.order_id)
        if order is None:
            raise NotFound("Checkout")
        return found, order, await provider_event.of_order(tx, order.id)

    return await call.context.database.read(work)


def _path_of(call: Call[Fields, Fields], found: SandboxCheckout) -> str | None:
    """Where the notification goes; null where the provider has credentials now and stands alone."""
    providers = call.context.cashier.providers
    registration = providers.registration(found.provider)
    if registration is None or not providers.is_stand_in(found.provider, _STANDS_IN):
        return None
    return registration.paths[0]


async def _tell(call: Call[Fields, Fields], path: str, said: Received) -> None:
    """Sends the notification as the provider would; whether it was taken, the order's state says."""
    host, port = call.scope["server"]
    # Nothing is encrypted inside this machine, and reading all authorities takes a moment.
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx.AsyncHTTPTransport(verify=unused, uds=host if port is None else None)
    origin = "http://gateway" if port is None else f"http://{_bracketed(host)}:{port}"
    query = f"?{said.query.decode('ascii')}" if said.query else ""
    async with httpx.AsyncClient(transport=transport, timeout=TELL_S_MAX) as client:
        try:
            answer = await client.request(
                said.method,
                f"{origin}{path}{query}",
                headers=list(said.headers.items()),
                content=said.body,
            )
            status: int | str = answer.status_code
        except httpx.HTTPError as error:
            status = type(error).__name__
    fields = {"path": path, "status": status, "request_id": call.request_id.decode()}
    _log.info("sandbox.told", extra={"fields": fields})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _view(
    call: Call[Any, Any],
    found: SandboxCheckout,
    order: Order,
    events: Sequence[LogEntry],
) -> View:
    path = _path_of(call, found)
    is_open = found.outcome is None and order.status == "pending" and path is not None
    return View(
        item=title_of(order),
        amount=order.price.decimal(),
        currency=order.pay_currency,
        credits=f"{order.credits_micros // MICROS_PER_CREDIT:,}",
        coupon=order.coupon_code,
        discount=f"{Price(order.discount, order.currency).decimal()} {order.currency}",
        provider=order.provider,
        path=path or "",
        order_id=order.id,
        order_status=order.status.replace("_", " "),
        ended=None if is_open else _ended(found, order, events, can_tell=path is not None),
    )


def _ended(
    found: SandboxCheckout, order: Order, events: Sequence[LogEntry], *, can_tell: bool
) -> Ended:
    is_paid = found.outcome == "paid"
    paid_url, unpaid_url = order.success_url or COMPLETE_PATH, order.cancel_url or CANCELLED_PATH
    next_url = paid_url if is_paid else unpaid_url
    is_told = order.status != "pending" and (not is_paid or order.paid_at is not None)
    is_waiting = found.outcome is not None and not is_told and order.status != "review"
    return Ended(
        word="Closed" if found.outcome is None else _WORDS[found.outcome],
        tone="good" if is_paid else "bad",
        sentence=_sentence(found, order, is_waiting=is_waiting),
        repeat=found.outcome if is_waiting and can_tell else None,
        event=events[-1] if events else None,
        next_url=next_url,
        next_host=urlsplit(next_url).hostname or "the next page",
    )


def _sentence(found: SandboxCheckout, order: Order, *, is_waiting: bool) -> str:
    if is_waiting:
        return (
            "This is decided, but the gateway has not acted on the notification yet. It asks about"
            " the order by itself within a minute or so."
        )
    if order.status == "review":
        return "The notification does not fit the order: a person has to look at it."
    if found.outcome == "paid":
        return f"{order.credits_micros // MICROS_PER_CREDIT:,} credits were added to the account."
    if found.outcome is None:
        return "This checkout can no longer be paid."
    return "Nothing was charged, and nothing was credited."


def _standing(call: Call[Any, Any], title: str, sentence: str) -> Response:
    return page(call, "checkout_return.html", title=title, sentence=sentence)


ROUTES = (
    open_route("GET", "/sandbox/checkout/{checkout_token}", show, "The sandbox's checkout"),
    open_route("POST", "/sandbox/checkout/{checkout_token}", decide, "Decide a sandbox checkout"),
    open_route("GET", COMPLETE_PATH, complete, "After a payment"),
    open_route("GET", CANCELLED_PATH, cancelled, "After a payment that was called off"),
)
