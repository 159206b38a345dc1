"""Behind PgBouncer: in session mode everything holds, in transaction mode nothing starts."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from kernel.clock import FixedClock
from store.database import Transaction
from store.faults import CannotOpen, Fault
from store.migrate import migrate
from store.open import open_database
from store.pool_options import PoolOptions
from tests.support.command_line import Topup, topup as topup
from tests.support.funded_account import open_funded_account
from tests.support.pgbouncer import pooled

pytestmark = [
    pytest.mark.new_database,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
IGNORING = (
    "ignore_startup_parameters = jit,enable_seqscan,enable_hashjoin,enable_mergejoin,"
    "statement_timeout,lock_timeout,idle_in_transaction_session_timeout,tcp_keepalives_idle,"
    "tcp_keepalives_interval,tcp_keepalives_count,tcp_user_timeout,synchronous_commit,plan_cache_mode"
)
SETTINGS = """
    SELECT CURRENT_SETTING('jit') AS jit, CURRENT_SETTING('enable_seqscan') AS enable_seqscan,
        CURRENT_SETTING('statement_timeout') AS statement_timeout,
        CURRENT_SETTING('application_name') AS application_name"""


async def settings_in_force(tx: Transaction) -> Sequence[Any]:
    row = await tx.fetch_one(SETTINGS)
    assert row is not None
    return list(row)


@pytest.mark.parametrize("more", ["", IGNORING], ids=["refusing", "dropping"])
async def test_our_settings_hold_behind_a_pooler_in_session_mode(
    database_url: str, more: str
) -> None:
    with pooled(database_url, mode="session", more=more) as url:
        database = open_database(url)

        found = await database.read(settings_in_force)
        short = await database.reserve(1).read(settings_in_force)

        await database.close()

    assert found == ["off", "off", "30s", "topup"]
    assert short == ["off", "off", "3s", "topup"]


async def test_sends_are_kept_behind_a_pooler_in_session_mode(
    database_url: str, clock: FixedClock
) -> None:
    with pooled(database_url, mode="session") as url:
        database = open_database(url)
        account = await open_funded_account(database, clock)

        sent = [await account.send(100 + number) for number in range(5)]

        await account.engine.close()
        await database.close()

    assert [one.topup.amount_cents for one in sent] == [100, 101, 102, 103, 104]


@pytest.mark.parametrize("more", ["", IGNORING], ids=["refusing", "dropping"])
async def test_a_pooler_in_transaction_mode_is_refused(database_url: str, more: str) -> None:
    with pooled(database_url, mode="transaction", more=more) as url:
        for _ in range(3):
            database = open_database(url)

            with pytest.raises(CannotOpen) as refused:
                await database.read(settings_in_force)

            assert refused.value.fault is Fault.POOLER_SHARES_SESSIONS
            await database.close()


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "doctor"])
def test_each_command_says_that_a_pooler_is_in_transaction_mode(
    database_url: str, topup: Topup, command: str
) -> None:
    with pooled(database_url, mode="transaction") as url:
        result = topup(command, TOPUP_DATABASE_URL=url, TOPUP_PORT="0")

    assert result.exit_code == 26
    assert "set pool_mode = session" in result.output


def test_a_database_is_migrated_through_a_pooler_in_session_mode(
    database_url: str, topup: Topup
) -> None:
    with pooled(database_url, mode="session") as url:
        migrate(url)

        result = topup("doctor", TOPUP_DATABASE_URL=url)

    assert result.exit_code == 0, result.output


async def test_a_pooler_with_one_session_left_is_not_taken_for_one_that_shares(
    database_url: str,
) -> None:
    options = PoolOptions(connect_timeout_s=0.5)
    with pooled(database_url, mode="session", more="default_pool_size = 1") as url:
        database = open_database(url, options=options)

        assert await database.read(settings_in_force) == ["off", "off", "30s", "topup"]

        await database.close()


async def test_the_room_of_the_server_is_counted(database_url: str) -> None:
    database = open_database(database_url)
    other = await asyncpg.connect(database_url)
    mine = await asyncpg.connect(database_url, server_settings={"application_name": "topup"})

    room = await database.room()

    assert room is not None
    assert room.connections_max == int(
        await other.fetchval(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
        )
    )
    assert room.ours >= 1
    assert room.others >= 1
    await asyncio.gather(database.close(), other.close(), mine.close())


def test_the_doctor_warns_where_two_processes_do_not_fit(database_url: str, topup: Topup) -> None:
    """2 x 1,000 + 4 + 1 + 1 connections each, on a server of some hundreds at most."""
    result = topup("doctor", TOPUP_DATABASE_CONNECTIONS="1000")

    assert result.exit_code == 0
    assert "! connections up to 2006 for each gateway and worker" in result.stdout
    assert "Too few: raise max_connections" in result.stdout
