"""A read of one statement is no transaction on PostgreSQL, and promises all that a read does."""

import asyncio
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from store.database import BatchRead, Database, Transaction
from store.errors import StoreError
from store.postgresql.database import PostgresqlDatabase
from store.sqlite.database import READERS
from store.sqlite.file import BUSY_TIMEOUT_MS

_NAMES = "SELECT name FROM sealed_keys ORDER BY name"
_COLUMNS = ("name", "sealed", "created_at")


async def put(tx: Transaction, name: str) -> None:
    await tx.insert("sealed_keys", _COLUMNS, [(name, b"", 0)])


async def names(tx: Transaction) -> list[str]:
    return [row["name"] for row in await tx.fetch(_NAMES)]


async def test_one_statement_is_all_that_it_costs_on_postgresql(database: Database) -> None:
    await database.transaction(lambda tx: put(tx, "a"))
    found: list[Sequence[Any]] = []
    reading = BatchRead(_NAMES, found.append)
    # The first time the server is asked for its columns.
    await database.read(lambda tx: tx.fetch_many([reading]), is_single=True)
    before = database.statements_run

    assert await database.read(names, is_single=True) == ["a"]
    assert (await database.read(lambda tx: tx.fetch_one(_NAMES), is_single=True))["name"] == "a"  # type: ignore[index]
    await database.read(lambda tx: tx.fetch_many([reading]), is_single=True)

    assert [[row[0] for row in rows] for rows in found] == [["a"], ["a"]]
    each = 1 if isinstance(database, PostgresqlDatabase) else 3
    assert database.statements_run - before == 3 * each


async def test_two_statements_see_one_moment(database: Database) -> None:
    seen: list[list[str]] = []

    async def work(tx: Transaction) -> tuple[list[str], list[str]]:
        first = await names(tx)
        seen.append(first)
        return first, await names(tx)

    await database.transaction(lambda tx: put(tx, "a"))

    assert await database.read(work, is_single=True) == (["a"], ["a"])
    # On PostgreSQL it was begun without a transaction and run again in one.
    assert len(seen) == (2 if isinstance(database, PostgresqlDatabase) else 1)


@pytest.mark.parametrize("is_second", [False, True])
async def test_it_cannot_write(database: Database, *, is_second: bool) -> None:
    async def insert(tx: Transaction) -> None:
        if is_second:
            await names(tx)
        await put(tx, "a")

    async def insert_later(tx: Transaction) -> None:
        await tx.insert_deferred("sealed_keys", _COLUMNS, [("a", b"", 0)])
        await names(tx)

    for work in (insert, insert_later):
        with pytest.raises(StoreError):
            await database.read(work, is_single=True)

    assert await database.read(names) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_it_waits_for_no_other_read(database: Database) -> None:
    await database.transaction(lambda tx: put(tx, "a"))
    is_over = threading.Event()

    async def hold(tx: Transaction) -> None:
        await names(tx)
        is_over.wait()  # in a thread of readers

    long_reads = [asyncio.create_task(database.read(hold)) for _ in range(READERS)]
    try:
        async with asyncio.timeout(5):
            assert await database.read(names, is_single=True) == ["a"]
    finally:
        is_over.set()
        await asyncio.gather(*long_reads)


# A process that is recovering the log, as after a crash: it holds the locks of a writer and of a recovery, and
# the head of the shared index is not good. The numbers are SQLite's own (walformat.html, "WAL-Index Format").
_RECOVERING = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.lockf(fd, fcntl.LOCK_EX, 3, 120)
head = os.pread(fd, 48, 0)
os.pwrite(fd, bytes(48), 0)
print("recovering", flush=True)
sys.stdin.read()
os.pwrite(fd, head, 0)
"""


@pytest.mark.parametrize("is_first", [False, True])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_it_waits_in_a_thread_for_a_log_that_is_being_recovered(
    database: Database, tmp_path: Path, *, is_first: bool
) -> None:
    """is_first: the event loop has no connection yet, and opening one does not wait either."""
    await database.transaction(lambda tx: put(tx, "a"))
    loop, is_beside = asyncio.get_running_loop(), asyncio.Event()
    is_main: list[bool] = []

    async def work(tx: Transaction) -> list[str]:
        is_main.append(threading.current_thread() is threading.main_thread())
        if not is_main[-1]:
            loop.call_soon_threadsafe(is_beside.set)
        return await names(tx)

    if not is_first:
        await database.read(work, is_single=True)
    await database.read(work)
    await is_beside.wait()
    is_beside.clear()
    [index] = tmp_path.glob("*.db-shm")
    pipe = asyncio.subprocess.PIPE
    recovering = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RECOVERING, str(index), stdin=pipe, stdout=pipe
    )
    async with asyncio.timeout(20):
        assert recovering.stdout is not None
        await recovering.stdout.readline()
        reading = asyncio.create_task(database.read(work, is_single=True))
        # Long before a connection gives up to wait for a busy file.
        async with asyncio.timeout(BUSY_TIMEOUT_MS / 2000):
            await is_beside.wait()
        await recovering.communicate(b"")

        assert await reading == ["a"]

    # What begins on the loop and cannot read is begun anew in a thread.
    assert is_main == ([False, False] if is_first else [True, False, True, False])
