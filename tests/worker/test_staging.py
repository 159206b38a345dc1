"""The sweep over what staging stores: each row once, whatever dies or comes twice; and who is full is marked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from kernel.clock import DAY_US, SystemClock
from keys.staging_quota import UNVERIFIED, Quota, Quotas
from store.database import Database
from store.stored import COUNTED
from tests.support.dispatcher import rows
from tests.support.gateway import Gateway, running, settings_of
from worker.money.chores import count_staging

FREE = Quota(1_000_000, 0)
UNLIMITED = Quotas(FREE, FREE, FREE)
SEND: dict[str, Any] = {"platform": "claude", "amount_cents": 100, "recipient_email": "a@mail.com"}


@pytest_asyncio.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(settings_of(database_url, tmp_path)) as opened:
        yield opened


async def sweep(database: Database, quotas: Quotas = UNLIMITED) -> None:
    # Ids count milliseconds, and the one that is not over yet is left for the next time.
    await asyncio.sleep(0.002)
    await count_staging(database, SystemClock(), quotas, late_us=0)


async def counted(database: Database, account_id: str) -> tuple[int, int]:
    found = await rows(database, "SELECT * FROM staging_storage")
    return next(
        (
            (row["rows_stored"], row["bytes_stored"])
            for row in found
            if row["account_id"] == account_id
        ),
        (0, 0),
    )


async def stored(database: Database, account_id: str) -> int:
    """Each row of the tables that are counted at once; what comes beside them is counted a minute later."""
    total = 0
    for name in [one.table for one in COUNTED]:
        where = "AND kind = 'recipient'" if name == "ledger_accounts" else ""
        found = await rows(
            database, f"SELECT account_id, environment FROM {name} WHERE 1 = 1 {where}"
        )
        total += sum(tuple(row) == (account_id, "staging") for row in found)
    return total


async def full_until(database: Database, account_id: str) -> object:
    found = await rows(database, "SELECT id, staging_full_until FROM accounts")
    return next(row["staging_full_until"] for row in found if row["id"] == account_id)


async def use(gateway: Gateway, account_id: str) -> None:
    """Some of all that a key can make grow."""
    key = await gateway.key(account_id)
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/webhooks/register", {"url": "http://127.0.0.1:58999/hook"}),
        ("/topup/send", {**SEND, "metadata": {"a": "b" * 500}}),
        ("/topup/send", {**SEND, "recipient_email": "pending@sandbox.test"}),
        ("/topup/bulk", {"items": [SEND, {**SEND, "reference": "r2"}]}),
        ("/usage", {"amount_micros": 5_000, "description": "t", "reference": "u1"}),
        ("/usage", {"records": [{"amount_micros": 1_000, "description": "é" * 100}] * 20}),
        ("/holds", {"amount_micros": 9_000, "description": "a job"}),
        ("/keys", {"name": "more"}),
        ("/tokens", {"name": "one"}),
    )
    for number, (path, body) in enumerate(calls):
        answer = await gateway.call(
            "POST", path, key=key, json=body, headers={"Idempotency-Key": f"k{number}"}
        )
        assert answer.status_code < 300, answer.text
    await gateway.call("POST", "/topup/send", key=key, json={**SEND, "platform": "none"})
    await gateway.context.request_log.flush()


async def test_each_row_that_a_key_made_grow_is_counted_once(gateway: Gateway) -> None:
    database = gateway.context.database
    one, other = await gateway.account(), await gateway.account()
    await use(gateway, one)
    await use(gateway, other)

    await sweep(database)
    first = await counted(database, one)
    assert first[0] == await stored(database, one) > 60
    # The bytes are those of the texts and a share for what every row takes: a batch of 20 records alone has
    # 200 bytes of description in each.
    assert 60 * 300 < first[1] < 200_000

    await sweep(database)
    assert await counted(database, one) == first
    await use_again(gateway, one)
    await sweep(database)
    assert (await counted(database, one))[0] == await stored(database, one) > first[0]
    assert (await counted(database, other))[0] == await stored(database, other)


async def use_again(gateway: Gateway, account_id: str) -> None:
    key = await gateway.key(account_id)
    assert (await gateway.call("POST", "/topup/send", key=key, json=SEND)).status_code == 200


async def test_two_workers_that_sweep_at_once_and_one_that_is_killed_count_each_row_once(
    gateway: Gateway,
) -> None:
    database = gateway.context.database
    account_id = await gateway.account(is_sandbox=True)
    await use(gateway, account_id)

    dying = [asyncio.create_task(sweep(database)) for _ in range(3)]
    for turns, task in enumerate(dying):
        for _ in range(turns * 3):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*dying, return_exceptions=True)
    await asyncio.gather(*(sweep(database) for _ in range(4)))

    found = await counted(database, account_id)
    assert found[0] == await stored(database, account_id)
    assert await counted(database, UNVERIFIED) == found


@pytest.mark.parametrize(("is_verified", "most"), [(False, 10), (True, 10_000)])
async def test_an_account_is_full_by_the_quota_of_its_kind_until_midnight(
    gateway: Gateway, *, is_verified: bool, most: int
) -> None:
    database = gateway.context.database
    account_id = await gateway.account(has_live=is_verified)
    await use(gateway, account_id)
    quotas = Quotas(verified=Quota(10_000, 0), unverified=Quota(10, 0), together=FREE)

    await sweep(database, quotas)

    is_full = (await counted(database, account_id))[0] >= most
    midnight = (SystemClock().now_us() // DAY_US + 1) * DAY_US
    assert await full_until(database, account_id) == (midnight if is_full else None)
    assert is_full is not is_verified
    # Once somebody vouches for it, the next sweep opens it.
    await database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET email_verified_at = 1 WHERE id = :id", id=account_id
        )
    )
    await sweep(database, quotas)
    assert await full_until(database, account_id) is None


async def test_all_unverified_accounts_together_have_a_quota_that_spares_the_others(
    gateway: Gateway,
) -> None:
    database = gateway.context.database
    sandboxes = [await gateway.account(is_sandbox=True) for _ in range(2)]
    known = await gateway.account()
    for account_id in (*sandboxes, known):
        await use(gateway, account_id)
    quotas = Quotas(verified=FREE, unverified=FREE, together=Quota(0, 1_000))

    await sweep(database, quotas)
    await sweep(database, quotas)

    assert [await full_until(database, one) is not None for one in (*sandboxes, known)] == [
        True,
        True,
        False,
    ]


async def test_without_a_quota_nothing_is_counted(gateway: Gateway) -> None:
    database = gateway.context.database
    await use(gateway, await gateway.account())
    none = Quota(0, 0)

    await sweep(database, Quotas(verified=none, unverified=none, together=none))

    assert await rows(database, "SELECT account_id FROM staging_storage") == []
