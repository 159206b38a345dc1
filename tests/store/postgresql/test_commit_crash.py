"""A server that crashes, or cancels its wait for a standby, around COMMIT: whoever is answered has
its row, whoever has none is told that it is unknown.

On a server of its own, since a crash ends every session of it; the ids that a crash gives out again
are what used to pass for another's commit.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from billing.engine.engine import Engine
from billing.topups.send import Sent
from kernel.clock import FixedClock
from kernel.errors import Unavailable
from store.database import Database
from store.migrate import migrate
from store.open import open_database
from tests.support.database_proxy import Link, proxied
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.postgres_server import OwnServer, create_database
from tests.support.programs import NO_SERVER, missing

pytestmark = pytest.mark.long

_TEMPLATE = "migrated"
_OURS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'topup'"""
_COMMITTING = _OURS + " AND state = 'active' AND query = 'COMMIT'"
_WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    # The user that the server runs as has to reach it, which a folder of pytest's does not let it.
    folder = Path(tempfile.mkdtemp(prefix="topup-crash-"))
    folder.chmod(0o755)
    try:
        own = OwnServer(folder)
    except (FileNotFoundError, KeyError):
        shutil.rmtree(folder)
        missing(NO_SERVER)
    try:
        own.create()
        own.start()
        migrate(create_database(own.url, _TEMPLATE))
        yield own
    finally:
        own.close()
        shutil.rmtree(folder)


@pytest.fixture
def url(server: OwnServer, tmp_path: Path) -> str:
    name = re.sub(r"\W", "_", f"crash_{tmp_path.name}".lower())[:60]
    asyncio.run(run_statements(server.url, "SELECT 1"))
    return create_database(server.url, name, template=_TEMPLATE)


@pytest_asyncio.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = open_database(url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def account(database: Database, clock: FixedClock) -> AsyncIterator[FundedAccount]:
    opened = await open_funded_account(database, clock)
    yield opened
    await opened.engine.close()


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """A connection of the test's own, once the server has recovered."""
    async with asyncio.timeout(30):
        while True:
            try:
                connection = await asyncpg.connect(url)
                break
            except (asyncpg.CannotConnectNowError, OSError):
                await asyncio.sleep(0.05)
    try:
        yield connection
    finally:
        await connection.close()


# How a server ends a connection when it learns that another one's process was killed.
_CRASHED = (asyncpg.PostgresConnectionError, asyncpg.CrashShutdownError, asyncpg.InterfaceError)


async def run_statements(url: str, *statements: str) -> None:
    """Each statement by itself; all of them again if the server first learns now of a killed process."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(*_CRASHED):
                async with connected(url) as connection:
                    for statement in statements:
                        await connection.execute(statement)
                return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def configured(url: str, **settings: str) -> AsyncIterator[None]:
    """The server has these settings, and its own again for the tests that come after."""
    sets = [f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings.items()]
    resets = [f"ALTER SYSTEM RESET {name}" for name in settings]
    await run_statements(url, *sets, "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await run_statements(url, *resets, "SELECT pg_reload_conf()")


async def asked(url: str, question: str) -> Any:
    async with connected(url) as connection:
        return await connection.fetchval(question)


async def restarted(server: OwnServer) -> None:
    def restart() -> None:
        server.stop(mode="immediate")
        server.start()

    await asyncio.to_thread(restart)


async def test_another_transaction_under_the_same_id_is_not_taken_for_ours(
    account: FundedAccount, server: OwnServer, url: str
) -> None:
    ids: list[object] = []
    is_over = asyncio.Event()

    async def crash(link: Link, data: bytes) -> None:
        mine = "SELECT backend_xid::text FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
        ids.append(await asked(url, mine))
        proxy.refusals = 1_000_000
        link.close()
        await restarted(server)
        neighbour = "INSERT INTO neighbour VALUES (1) RETURNING pg_current_xact_id()::text"
        ids.append(await asked(url, neighbour))
        proxy.refusals = 0
        is_over.set()

    # Else the log is written behind our back, and the id with it.
    async with (
        configured(url, wal_writer_delay="10s", full_page_writes="off"),
        proxied(url) as (proxy, proxied_url),
    ):
        await run_statements(url, "CREATE TABLE neighbour (id int)")
        behind = open_database(proxied_url)
        engine = account.engine
        account.engine = Engine(behind, account.clock, engine.rules)
        await account.send(100)
        proxy.fate = crash

        [outcome] = await asyncio.gather(account.send(1000), return_exceptions=True)
        async with asyncio.timeout(60):
            await is_over.wait()

        await account.engine.close()
        await behind.close()
        account.engine = engine

    mine, neighbours = ids
    if mine != neighbours:
        pytest.skip("the server wrote its log in between, so it gave no id out twice")
    sent = 1_000_000 - 100 - (await account.balance())["balance_cents"]
    # Kept and answered; or unknown, where the server was away for too long. Never answered alone.
    assert (type(outcome), sent) in {(Sent, 1000), (Unavailable, 0)}
    assert await account.findings() == []


async def back(account: FundedAccount) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(Unavailable):
                await account.send(100)
                return
            await asyncio.sleep(0.05)


async def sent_around_a_kill(account: FundedAccount, url: str) -> set[str]:
    """Which of twenty sends are answered where a backend of ours is killed amid them."""
    sends = [asyncio.ensure_future(account.send(100)) for _ in range(20)]
    async with connected(url) as connection, asyncio.timeout(20):
        # It sleeps in its COMMIT; or else it was quick, and any of ours does.
        pid = None
        for _ in range(100):
            if (pid := await connection.fetchval(_COMMITTING)) is not None:
                break
        os.kill(pid or await connection.fetchval(_OURS), signal.SIGKILL)
    outcomes = await asyncio.gather(*sends, return_exceptions=True)
    return {one.topup.id for one in outcomes if isinstance(one, Sent)}


async def test_every_answered_send_has_its_row_whichever_backend_is_killed(
    account: FundedAccount, server: OwnServer, url: str
) -> None:
    answered: set[str] = set()
    killed = 0
    async with configured(url, commit_delay="50000", commit_siblings="0"):
        # A killed COMMIT may be kept or not: often enough that some are kept.
        while killed < 2 or (not answered and killed < 20):
            killed += 1
            await back(account)
            answered |= await sent_around_a_kill(account, url)

    rows = await account.database.read(lambda tx: tx.fetch("SELECT id FROM topups"))
    assert answered
    assert answered <= {row["id"] for row in rows}
    assert await account.findings() == []


@contextlib.asynccontextmanager
async def without_its_standby(url: str) -> AsyncIterator[None]:
    async with configured(url, synchronous_standby_names="nobody"):
        await until_commits_wait(url)
        yield


async def until_commits_wait(url: str) -> None:
    """A reload is over once the server's checkpointer has read the setting, which nothing shows: a commit
    of our own waits then.
    """
    async with connected(url) as probe, connected(url) as looker, asyncio.timeout(20):
        while True:
            text = "SELECT pg_logical_emit_message(true, 'probe', '')"
            committing = asyncio.ensure_future(probe.execute(text))
            while not committing.done():
                pid = await looker.fetchval(_WAITING)
                if pid is not None:
                    await looker.execute("SELECT pg_cancel_backend($1)", pid)
                    await committing
                    return


async def cancel_the_wait(url: str) -> None:
    """Of the first transaction that waits for the standby, as an impatient operator does."""
    async with connected(url) as connection, asyncio.timeout(20):
        pid = None
        while pid is None:
            pid = await connection.fetchval(_WAITING)
        await connection.execute("SELECT pg_cancel_backend($1)", pid)


async def test_a_commit_that_was_not_replicated_is_not_answered_with_success(
    account: FundedAccount, server: OwnServer, url: str
) -> None:
    await account.send(100)
    async with without_its_standby(url):
        sending = asyncio.ensure_future(account.send(1000))
        await cancel_the_wait(url)

        with pytest.raises(Unavailable, match="isn't known yet"):
            await sending


async def test_a_commit_that_is_replicated_after_all_is_answered_with_success(
    account: FundedAccount, server: OwnServer, url: str
) -> None:
    await account.send(100)
    async with without_its_standby(url):
        sending = asyncio.ensure_future(account.send(1000))
        await cancel_the_wait(url)
        assert not sending.done()

    await sending

    assert (await account.balance())["balance_cents"] == 1_000_000 - 1100
