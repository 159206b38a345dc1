"""A worker's deliveries and fulfilments beside a running gateway, in its process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.support.gateway import Gateway
from worker.main import dispatcher_of
from worker.topups import Fulfiller


@contextlib.asynccontextmanager
async def delivering(gateway: Gateway) -> AsyncIterator[None]:
    """Webhooks are sent until the block ends; what was begun then is settled."""
    context = gateway.context
    dispatcher = dispatcher_of(context)
    context.hints.listen(lambda _name: dispatcher.wake())
    running = asyncio.create_task(dispatcher.run())
    try:
        yield
        dispatcher.stop()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def fulfil(gateway: Gateway) -> int:
    """Asks once about each pending top-up that is due; how many there were."""
    context = gateway.context
    fulfiller = Fulfiller(context.database, context.clock, context.engine, context.suppliers)
    return await fulfiller.step()
