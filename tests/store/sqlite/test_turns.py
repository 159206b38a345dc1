"""Two processes write one file in turns: nobody meets SQLITE_BUSY, nothing is lost."""

import asyncio
import fcntl
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store.database import Database, Transaction
from store.errors import Contention
from store.sqlite.database import SqliteDatabase

ROOT = Path(__file__).parents[3]
WRITES = 150
# The busy handler is off, so turns alone keep the writers apart; a busy file would end the process.
WRITER = """
import asyncio, sys
from store.open import open_database

async def add(tx):
    row = await tx.fetch_one("SELECT created_at FROM sealed_keys WHERE name = 'counter'")
    await tx.execute("UPDATE sealed_keys SET created_at = :value", value=row["created_at"] + 1)

async def main():
    database = open_database(sys.argv[1])
    database._write_connection.execute("PRAGMA busy_timeout = 0")
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[2])):
        await database.transaction(add, durable=number % 2 == 0)
    await database.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_two_processes_take_turns(database: Database, database_url: str) -> None:
    async def begin(tx: Transaction) -> None:
        columns = ("name", "sealed", "created_at")
        await tx.insert("sealed_keys", columns, [("counter", b"", 0)])

    await database.transaction(begin)
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WRITER,
            database_url,
            str(WRITES),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert await writer.stdout.readline() == b"ready\n"

    ended = await asyncio.gather(*(writer.communicate(b"go\n") for writer in writers))

    assert [errors for _, errors in ended] == [b"", b""]
    row = await database.read(lambda tx: tx.fetch_one("SELECT created_at FROM sealed_keys"))
    assert row is not None
    assert row["created_at"] == 2 * WRITES


async def put(tx: Transaction) -> None:
    await tx.insert("sealed_keys", ("name", "sealed", "created_at"), [("a", b"", 0)])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_turn_that_does_not_come_is_told_and_nothing_is_written_afterwards(
    database_url: str,
) -> None:
    path = Path(database_url.removeprefix("sqlite:///"))
    database = SqliteDatabase(path, turn_wait_s=0.1)
    turn_fd = os.open(f"{path}.turn", os.O_RDWR)
    fcntl.flock(turn_fd, fcntl.LOCK_EX)

    for is_short in (True, False):
        with pytest.raises(Contention):
            await database.transaction(put, is_short=is_short)
    os.close(turn_fd)

    await database.transaction(put)
    rows = await database.read(lambda tx: tx.fetch("SELECT name FROM sealed_keys"))
    assert [row["name"] for row in rows] == ["a"]
    await database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_stranger_who_writes_never_stops_the_event_loop(
    database: Database, database_url: str
) -> None:
    stranger = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    began_s = time.monotonic()

    writing = asyncio.ensure_future(database.transaction(put, is_short=True))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stopped_s = time.monotonic() - began_s
    stranger.execute("COMMIT")
    stranger.close()
    await writing

    assert stopped_s < 2.0
