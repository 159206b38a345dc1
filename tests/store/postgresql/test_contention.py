"""Contention, broken connections and cancelled callers on a real PostgreSQL server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from store.database import Database, Transaction
from store.errors import ConnectionLost, LockTimeout, StoreError
from store.open import open_database
from store.postgresql.database import PostgresqlDatabase

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest_asyncio.fixture
async def rows(database: Database) -> Database:
    """A database with the rows a and b, both 0."""
    rows = [("a", b"", 0), ("b", b"", 0)]
    await database.transaction(
        lambda tx: tx.insert("sealed_keys", ("name", "sealed", "created_at"), rows)
    )
    return database


@pytest_asyncio.fixture
async def impatient(database_url: str) -> AsyncIterator[Database]:
    """The same server; it looks for deadlocks after 20 ms instead of a second."""
    database = open_database(f"{database_url}?deadlock_timeout=20ms")
    yield database
    await database.close()


async def add(tx: Transaction, name: str) -> None:
    await tx.execute(
        "UPDATE sealed_keys SET created_at = created_at + 1 WHERE name = :name", name=name
    )


async def values(tx: Transaction) -> dict[str, int]:
    found = await tx.fetch("SELECT name, created_at FROM sealed_keys ORDER BY name")
    return {row["name"]: row["created_at"] for row in found}


class Meeting:
    """Lets two transactions come to the same point in their first run, and never waits again."""

    def __init__(self) -> None:
        self._barrier = asyncio.Barrier(2)
        self.runs = 0

    async def wait(self) -> None:
        self.runs += 1
        if self.runs <= 2:
            await self._barrier.wait()


async def test_a_deadlock_ends_with_both_kept_once(rows: Database, impatient: Database) -> None:
    meeting = Meeting()

    def work(first: str, second: str) -> Any:
        async def run(tx: Transaction) -> None:
            await add(tx, first)
            await meeting.wait()
            await add(tx, second)

        return run

    async with asyncio.timeout(20):
        await asyncio.gather(
            impatient.transaction(work("a", "b")), impatient.transaction(work("b", "a"))
        )

    assert await rows.read(values) == {"a": 2, "b": 2}
    assert meeting.runs == 3


async def test_a_serialization_failure_runs_again(rows: Database) -> None:
    meeting = Meeting()

    async def work(tx: Transaction) -> None:
        await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = (await values(tx))["a"]
        await meeting.wait()
        await tx.execute(
            "UPDATE sealed_keys SET created_at = :value WHERE name = :name",
            value=before + 1,
            name="a",
        )

    async with asyncio.timeout(20):
        await asyncio.gather(rows.transaction(work), rows.transaction(work))

    assert (await rows.read(values))["a"] == 2
    assert meeting.runs == 3


async def test_a_row_that_another_holds_is_waited_for_once_and_not_for_long(rows: Database) -> None:
    runs = 0

    async def work(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        await add(tx, "a")

    async def holder(tx: Transaction) -> None:
        await add(tx, "a")
        with pytest.raises(LockTimeout) as caught:
            await rows.transaction(work, lock_wait_s=0.01)
        assert caught.value.code == "55P03"

    async with asyncio.timeout(20):
        await rows.transaction(holder)

    assert runs == 1
    assert (await rows.read(values))["a"] == 1


async def test_a_connection_that_dies_before_commit_is_replaced(
    rows: Database, database_url: str
) -> None:
    runs = 0

    async def work(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        await add(tx, "a")
        if runs == 1:
            row = await tx.fetch_one("SELECT pg_backend_pid() AS pid")
            assert row is not None
            other = await asyncpg.connect(database_url)
            await other.execute("SELECT pg_terminate_backend($1)", row["pid"])
            await other.close()
        await add(tx, "b")

    await rows.transaction(work)

    assert runs == 2
    assert await rows.read(values) == {"a": 1, "b": 1}


async def test_work_that_swallows_a_failed_statement_is_not_reported_as_kept(
    rows: Database,
) -> None:
    async def work(tx: Transaction) -> str:
        await add(tx, "a")
        with pytest.raises(asyncpg.PostgresError):
            await tx.execute("SELECT nothing FROM nowhere")
        return "done"

    with pytest.raises(StoreError) as caught:
        await rows.transaction(work)

    assert caught.value.code == "25P02"
    assert (await rows.read(values))["a"] == 0


async def test_a_cancelled_caller_leaves_a_connection_that_works(rows: Database) -> None:
    is_inside = asyncio.Event()

    async def work(tx: Transaction) -> None:
        await add(tx, "a")
        is_inside.set()
        await tx.fetch("SELECT pg_sleep(60)")

    call = asyncio.create_task(rows.transaction(work))
    await is_inside.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    # More calls than connections, so each connection is used again.
    await asyncio.gather(*(rows.transaction(lambda tx: add(tx, "b")) for _ in range(20)))
    assert await rows.read(values) == {"a": 0, "b": 20}


async def test_nobody_at_the_address_is_a_lost_connection(database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        database = open_database(f"postgresql://topup@127.0.0.1:{taken.getsockname()[1]}/topup")

        with pytest.raises(ConnectionLost):
            await database.transaction(values)


async def test_a_database_that_does_not_exist_is_told_by_its_sqlstate(database_url: str) -> None:
    database = open_database(f"{database_url}_missing")

    with pytest.raises(StoreError) as caught:
        await database.transaction(values)

    assert caught.value.code == "3D000"


async def test_a_server_that_does_not_answer_costs_the_connection_not_the_caller(
    database_url: str,
) -> None:
    database = PostgresqlDatabase(database_url, short_answer_s=0.2)

    with pytest.raises(ConnectionLost):
        await database.transaction(lambda tx: tx.fetch("SELECT pg_sleep(60)"), is_short=True)

    assert await database.read(lambda tx: tx.fetch_one("SELECT 1 AS one")) is not None
    await database.close()


async def test_the_server_ends_what_a_stopped_process_left_open(
    database: Database, database_url: str
) -> None:
    wanted = ("idle_in_transaction_session_timeout", "lock_timeout", "tcp_user_timeout")
    views: list[Any] = [database, database.reserve(1)]  # type: ignore[attr-defined]

    async def limits(tx: Transaction) -> list[str]:
        return [(await tx.fetch(f"SHOW {name}"))[0][0] for name in wanted]

    # tcp_user_timeout is 0 where the connection is a Unix socket's.
    for view in views:
        assert (await view.transaction(limits))[:2] == ["3s", "3s"]
        assert (await view.transaction(limits, durable=False))[:2] == ["3s", "3s"]


async def test_a_process_stopped_in_its_transaction_holds_others_up_for_seconds_only(
    rows: Database, database_url: str
) -> None:
    stopped = await asyncpg.connect(database_url)
    # As our own sessions, but sooner.
    await stopped.execute("SET idle_in_transaction_session_timeout = '200ms'")
    await stopped.execute("BEGIN; UPDATE sealed_keys SET created_at = 7 WHERE name = 'a'")

    # Unless the server ended it, the row would not be free within the three seconds of a wait.
    await rows.transaction(lambda tx: add(tx, "a"))

    assert (await rows.read(values))["a"] == 1
    stopped.terminate()


async def test_a_wait_for_a_connection_is_counted_with_its_time(database: Database) -> None:
    one: Any = database.reserve(1)  # type: ignore[attr-defined]

    async def sleep(tx: Transaction) -> None:
        await tx.fetch("SELECT pg_sleep(0.05)")

    await one.read(sleep)
    before = one.pool_waits
    await asyncio.gather(one.read(sleep), one.read(sleep))

    assert before == (0, 0.0)
    waits, waited_s = one.pool_waits
    assert waits == 1
    assert 0.04 < waited_s < 3
