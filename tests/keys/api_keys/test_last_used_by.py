from collections.abc import Awaitable, Callable
from typing import TypeVar

from kernel.clock import FixedClock
from keys.api_keys.api_key import mark_used_by, mint
from keys.api_keys.fields import NewKey
from store.database import Database, Transaction
from tests.support.webhook_rows import given_account

T = TypeVar("T")


async def run(database: Database, work: Callable[[Transaction], Awaitable[T]]) -> T:
    return await database.transaction(work)


async def test_only_another_agent_is_written(database: Database, clock: FixedClock) -> None:
    account_id = await given_account(database, clock)

    async def made(tx: Transaction) -> str:
        key, _ = await mint(
            tx,
            account_id=account_id,
            environment="staging",
            parent=None,
            new=NewKey(name="agent", scopes=("topup:read",)),
            now_us=clock.now_us(),
        )
        return key.id

    first, second = await run(database, made), await run(database, made)
    agents = {first: "https://a.example/keys", second: "https://b.example/keys", "key_none": "x"}
    changed = [
        await run(database, lambda tx: mark_used_by(tx, agents)),
        await run(database, lambda tx: mark_used_by(tx, agents)),
        await run(database, lambda tx: mark_used_by(tx, {first: "https://b.example/keys"})),
    ]

    assert changed == [2, 0, 1]
