"""Packs: the credit that this environment sells, in the order of the catalogue."""

from collections.abc import Sequence

from billing.catalog import pack as packs
from billing.catalog.pack import Pack
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.orders import Pack as PackShape
from gateway.http.lists import short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Page
from store.database import Transaction


async def list_packs(call: RequestContext[Fields, Page]) -> Answer:
    """All that are offered."""
    environment = call.principal.environment

    async def work(tx: Transaction) -> Sequence[Pack]:
        return await packs.list_packs(tx, environment)

    found = await call.context.database.read(work)
    shown = [PackShape(**one.shape()) for one in found]
    data = short_list(shown, call.query, lambda pack: pack.id)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/packs",
        list_packs,
        "Credit that can be bought as one",
        scopes=("billing:read",),
        query=Page,
        answers=ok(Listing[PackShape]),
    ),
)
