"""What several tests of keys/ start from."""

from collections.abc import AsyncIterator

import pytest

from kernel.clock import FixedClock
from keys.account import create_account
from store.database import Database
from tests.keys.bench import Bench
from tests.keys.shop import Shop, open_shop


@pytest.fixture
async def shop(database: Database, clock: FixedClock) -> Shop:
    return await open_shop(database, clock)


@pytest.fixture
async def bench(database: Database, clock: FixedClock) -> AsyncIterator[Bench]:
    account_id = await database.transaction(
        lambda tx: create_account(tx, name="Shop", email=None, now_us=clock.now_us())
    )
    bench = Bench(database, clock, account_id)
    yield bench
    bench.gate.is_down = False
    bench.gate.is_open.set()
    await bench.authenticator.close()
