"""Packs: the credit that this environment sells, in the order of the catalogue."""

from collections.abc import Sequence

from billing import pack as packs
from billing.pack import Pack
from gateway import codes
from gateway.call import Call
from gateway.envelope import answer
from gateway.fields import Fields, Page
from gateway.outcome import Listing, ok
from gateway.routing import Route
from gateway.shapes.orders import Pack as PackShape
from gateway.short_list import short_list
from store.db import Transaction
from store.idempotency import Answer


async def list_packs(call: Call[Fields, Page]) -> Answer:
    """All that are offered."""
    environment = call.principal.environment

    async def work(tx: Transaction) -> Sequence[Pack]:
        return await packs.list_packs(tx, environment)

    found = await call.context.database.read(work)
    data = short_list([one.shape() for one in found], call.query, "id")
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
