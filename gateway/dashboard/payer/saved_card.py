"""The sandbox's page that saves a test card."""

from urllib.parse import urlsplit

from billing.payments.sandbox import cards
from billing.payments.sandbox.cards import PATH, TEST_CARDS
from gateway.dashboard.route import open_route
from gateway.html.forms import read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput
from kernel.fields import Fields


async def show(call: RequestContext[Fields, Fields]) -> Reply:
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
    open_route("GET", f"{PATH}/{{card_token}}", show, "The sandbox's page that saves a card"),
    open_route("POST", f"{PATH}/{{card_token}}", save, "Save a sandbox card"),
)
