"""Checkouts of plans that one account begins at the same time, in two processes: one can be paid at most."""

import asyncio
from collections import Counter
from pathlib import Path

from billing.catalog.plan import get, item_of
from billing.orders.place import NewOrder
from billing.providers.protocol import ProviderUnavailable
from billing.subscriptions.subscription import AlreadySubscribed
from kernel.clock import FixedClock
from store.database import Database
from store.open import open_database
from tests.support.subscriber import open_subscriber


async def test_of_checkouts_begun_at_once_in_two_processes_one_can_be_paid(
    database_url: str, database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    async with open_subscriber(database, clock, tmp_path) as subscriber:
        elsewhere = open_database(database_url)
        try:
            both = [subscriber.buyer.payments, subscriber.buyer.another(elsewhere)]
            plan = await database.read(lambda tx: get(tx, ("staging", "pro")))
            item = item_of(
                plan, both[0].providers.registration("stripe"), "month", is_simulated=True
            )
            new = NewOrder(provider="stripe", kind="subscription", plan=item)
            tenant = subscriber.buyer.account.principal.tenant

            made = await asyncio.gather(
                *(both[number % 2].place(tenant, new) for number in range(6)),
                return_exceptions=True,
            )
        finally:
            await elsewhere.close()

        refused = [one for one in made if isinstance(one, BaseException)]
        orders = await subscriber.buyer.orders()
        assert all(isinstance(one, AlreadySubscribed | ProviderUnavailable) for one in refused)
        assert Counter(one.status for one in orders)["pending"] == 1
        # Whoever has a page open presses its button: the closed ones change nothing.
        pressed = [(await subscriber.pay(one)).outcome for one in orders if one.url is not None]
        assert Counter(pressed)["paid"] == 1
