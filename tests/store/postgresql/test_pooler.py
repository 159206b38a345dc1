"""Behind PgBouncer: everything holds in either mode, and what needs a session asks for the server."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from billing.proof.audit import audit
from kernel.clock import FixedClock
from store.database import Transaction
from store.migrate import migrate
from store.open import open_database
from store.servers import PoolOptions
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


async def leftovers(url: str, sessions: int) -> list[str]:
    """What transactions left in the server's sessions, each of which a transaction holds meanwhile."""
    connections = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(sessions)]
    for one in connections:
        await one.execute("BEGIN")
    prepared = [await one.fetch("SELECT name FROM pg_prepared_statements") for one in connections]
    jit = [await one.fetchval("SHOW jit") for one in connections]
    for one in connections:
        await one.close()
    return [row[0] for rows in prepared for row in rows] + [one for one in jit if one != "on"]


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
async def test_our_settings_hold_in_each_transaction_where_sessions_are_shared(
    database_url: str, more: str
) -> None:
    with pooled(database_url, mode="transaction", more=more) as url:
        database = open_database(url)

        found = await database.read(settings_in_force)
        short = await database.reserve(1).transaction(settings_in_force)
        alone = await database.autocommit(settings_in_force)
        await database.close()

    assert found == ["off", "off", "30s", "topup"]
    assert short == alone == ["off", "off", "3s", "topup"]


async def test_two_processes_send_and_deliver_over_shared_sessions(
    database_url: str, clock: FixedClock
) -> None:
    """Two databases with pools of their own, three sessions of the server for both, and what a
    session prepared or set by the one would break in the other.
    """
    few = "default_pool_size = 3\nserver_reset_query ="
    with pooled(database_url, mode="transaction", more=few) as url:
        first, second = open_database(url), open_database(url)
        accounts = [
            await open_funded_account(one, clock, email=f"{number}@example.com")
            for number, one in enumerate((first, second))
        ]

        sent = await asyncio.gather(
            *(account.send(100 + number) for number in range(20) for account in accounts)
        )
        endings = [await one.end_stalled() for one in (first, second)]
        room = await first.room()
        shared = first.is_sharing_sessions, second.is_sharing_sessions
        left = await leftovers(url, 3)

        for account in accounts:
            await account.engine.close()
        await asyncio.gather(first.close(), second.close())

    direct = open_database(database_url)
    findings = [found async for found in audit(direct)]
    await direct.close()
    assert sum(one.topup.amount_cents for one in sent) == 2 * sum(range(100, 120))
    assert (shared, endings, left) == ((True, True), [0, 0], [])
    assert room is not None
    assert findings == []


@pytest.mark.parametrize("command", ["migrate", "backup"])
def test_what_needs_a_session_goes_to_the_server_itself(
    database_url: str, topup: Topup, tmp_path: Path, command: str
) -> None:
    words = [command, *([str(tmp_path / "copy")] if command == "backup" else [])]
    with pooled(database_url, mode="transaction") as url:
        refused = topup(*words, TOPUP_DATABASE_URL=url)
        done = topup(*words, TOPUP_DATABASE_URL=url, TOPUP_DATABASE_DIRECT_URL=database_url)

    assert refused.exit_code == 26
    assert "set TOPUP_DATABASE_DIRECT_URL" in refused.output
    assert done.exit_code == 0, done.output


def test_the_doctor_asks_for_a_direct_url_where_sessions_are_shared(
    database_url: str, topup: Topup
) -> None:
    with pooled(database_url, mode="transaction") as url:
        alone = topup("doctor", TOPUP_DATABASE_URL=url)
        other = topup(
            "doctor", TOPUP_DATABASE_URL=url, TOPUP_DATABASE_DIRECT_URL=f"{database_url}_other"
        )
        both = topup("doctor", TOPUP_DATABASE_URL=url, TOPUP_DATABASE_DIRECT_URL=database_url)

    assert "! pooler" in alone.output
    assert "TOPUP_DATABASE_DIRECT_URL is not set" in alone.output
    assert "✗ pooler" in other.output
    assert (alone.exit_code, other.exit_code, both.exit_code) == (0, 22, 0), both.output
    assert "✓ pooler" in both.output


def test_a_database_is_migrated_and_copied_through_a_pooler_in_session_mode(
    database_url: str, topup: Topup, tmp_path: Path
) -> None:
    with pooled(database_url, mode="session") as url:
        migrate(url)

        looked = topup("doctor", TOPUP_DATABASE_URL=url)
        copied = topup("backup", str(tmp_path / "copy"), TOPUP_DATABASE_URL=url)

    assert looked.exit_code == 0, looked.output
    assert copied.exit_code == 0, copied.output


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
    """2 x 1,000 + 4 + 1 + 1 + 1 connections each, on a server of some hundreds at most."""
    result = topup("doctor", TOPUP_DATABASE_CONNECTIONS="1000")

    assert result.exit_code == 0
    assert "! connections   up to 2007 for each gateway and worker" in result.stdout
    assert "Too few: raise max_connections" in result.stdout
