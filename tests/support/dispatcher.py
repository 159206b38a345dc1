"""A running dispatcher on real parts, and what its tests look at."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from billing.topups.rules import VoucherCodes
from kernel.clock import SystemClock
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from tests.support.webhook_rows import (
    given_account,
    new_vault,
)
from webhooks.deliveries.message import SecretCache
from webhooks.http.guard import Policy
from webhooks.http.names import SystemResolver
from webhooks.http.transport import Transport
from worker.deliver import DeliverySender, Post, Settled, lease_us
from worker.dispatch import Dispatcher, Slots

POLICY = Policy(allow_private=True, allow_http=True)
CLOCK = SystemClock()


@asynccontextmanager
async def dispatching(
    database: Database,
    *,
    slots: int = 100,
    timeout_s: float = 5.0,
    on_later: Callable[[int], None] = lambda _at_us: None,
    post: Post | None = None,
) -> AsyncIterator[tuple[Dispatcher, list[Settled]]]:
    """A running dispatcher and what it settled; at the end it is stopped in order."""
    settled: list[Settled] = []
    resolver = SystemResolver()
    transport = Transport(POLICY, resolver, CLOCK)
    sender = DeliverySender(
        post or transport.post,
        SecretCache(new_vault()),
        CLOCK,
        live_policy=POLICY,
        staging_policy=POLICY,
        timeout_s=timeout_s,
        code_of=VoucherCodes(bytes(32)).issued,
        link_of=lambda approval_id: f"https://topup.example.com/decide/{approval_id}",
    )
    dispatcher = Dispatcher(
        database,
        new_vault(),
        CLOCK,
        sender,
        Slots(slots),
        lease_us=lease_us(timeout_s),
        on_later=on_later,
        on_settled=settled.append,
    )
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher, settled
        dispatcher.stop()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await transport.close()
        resolver.close()


async def rows(database: Database, text: str) -> list[Row]:
    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch(text))

    return await database.read(work)


async def given_tenant(database: Database) -> Tenant:
    return Tenant(await given_account(database, CLOCK), "staging")


async def until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        # What it waits for is a row or a list, which tells nobody.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
