"""What several tests of keys/ start from."""

from collections.abc import AsyncIterator

import pytest

from kernel.clock import FixedClock
from keys.account import create_account
from store.database import Database
from tests.support.gated_authenticator import GatedAuthenticator
from tests.support.key_owner import KeyOwner, open_key_owner


@pytest.fixture
async def key_owner(database: Database, clock: FixedClock) -> KeyOwner:
    return await open_key_owner(database, clock)


@pytest.fixture
async def gated(database: Database, clock: FixedClock) -> AsyncIterator[GatedAuthenticator]:
    account_id = await database.transaction(
        lambda tx: create_account(tx, name="Shop", email=None, now_us=clock.now_us())
    )
    gated = GatedAuthenticator(database, clock, account_id)
    yield gated
    gated.gate.is_down = False
    gated.gate.is_open.set()
    await gated.authenticator.close()
