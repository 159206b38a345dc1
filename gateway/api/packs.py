"""Packs: the credit that this environment sells, in the order of the catalogue."""

from collections.abc import Sequence

from billing import pack as packs
from billing.pack import Pack
from gateway import codes
from gateway.call import Call
from gateway.envelope import answer, page
from gateway.fields import Fields
from gateway.outcome import Listing, ok
from gateway.routing import Route
from gateway.shapes.orders import Pack as PackShape
from store.db import Transaction
from store.idempotency import Answer


async def list_packs(call: Call[Fields, Fields]) -> Answer:
    """All that are offered; a catalogue is short, so it is one page."""
    environment = call.principal.environment

    async def work(tx: Transaction) -> Sequence[Pack]:
        return await packs.list_packs(tx, environment)

    found = await call.context.database.read(work)
    return answer(codes.SUCCESS, page([one.shape() for one in found], None), now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/packs",
        list_packs,
        "Credit that can be bought as one",
        scopes=("billing:read",),
        answers=ok(Listing[PackShape]),
    ),
)
