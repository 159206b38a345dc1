"""Balances: the platforms that can be topped up."""

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.topups import Platform
from gateway.http.lists import short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Page


async def platforms(call: RequestContext[Fields, Page]) -> Answer:
    """What can be topped up, with limits in cents and how each is fulfilled."""
    rules = call.context.topup_rules
    items = [
        Platform(
            id=one.id,
            name=one.name,
            min_amount_cents=one.min_amount_cents,
            max_amount_cents=one.max_amount_cents,
            fulfilment="immediate" if one.first.delivers_at_once else "asynchronous",
        )
        for one in rules.platforms.of(call.principal.environment).offered()
    ]
    data = short_list(items, call.query, lambda platform: platform.id)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/platforms",
        platforms,
        "What can be topped up",
        scopes=("topup:read", "general_api_access"),
        query=Page,
        answers=ok(Listing[Platform]),
    ),
)
