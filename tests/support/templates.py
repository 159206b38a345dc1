"""The databases that those of the tests are copied from, migrated once in a run.

Migrating takes a second of CPU or two for each kind, so a run over several processes does it in a
process of its own, while another imports the tests (collected_once.py). Each process of the run waits
for that one's end, takes what it has made, and makes its own where there is nothing.
"""

import asyncio
import contextlib
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from store.migrate import migrate
from tests.support.postgres_server import create_database, drop_database

# Each table and index by its name, and whether the planner knows how many rows it has.
SHAPE = """
    SELECT relname, relkind = 'r' AND reltuples >= 0 FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') ORDER BY relname
"""
SIZE = "SELECT pg_database_size(current_database())"
_shared: "Shared | None" = None


@dataclass(frozen=True, slots=True)
class ServerTemplate:
    """A migrated database of the server, that nobody is connected to, and what it holds: names of
    tables and indexes, its size in bytes, each table's rows.
    """

    name: str
    shape: list[str]
    size: int
    rows: dict[str, list[Any]]


class Shared:
    """What is made in `folder` and on the server for all processes of a run."""

    def __init__(self, folder: Path, server_url: str, name: str, ended_fd: int) -> None:
        self._file = folder / "template.db"
        self._described = folder / "template.pickle"
        self._server_url = server_url
        self._name = name
        self._ended_fd = ended_fd

    def make(self) -> None:
        """In the process that is there for it."""
        migrate(f"sqlite:///{self._part}")
        self._part.rename(self._file)
        if self._server_url:
            made = make_on_server(self._server_url, self._name)
            self._described.write_bytes(pickle.dumps(made))

    def file(self) -> Path | None:
        """The migrated SQLite database, or None where it could not be made."""
        self._wait()
        return self._file if self._file.exists() else None

    def on_server(self, url: str) -> ServerTemplate | None:
        """The one on the server at `url`, or None where it could not be made."""
        self._wait()
        if url != self._server_url or not self._described.exists():
            return None
        # Written by a process of this run.
        made: ServerTemplate = pickle.loads(self._described.read_bytes())
        return made

    def drop(self) -> None:
        """From the server; the folder is its owner's to take away."""
        if self._server_url:
            drop_database(self._server_url, self._name)

    @property
    def _part(self) -> Path:
        return self._file.with_name("template.part")

    def _wait(self) -> None:
        """For the end of the process that makes it: nobody else has the other end of the pipe."""
        os.read(self._ended_fd, 1)


def begin(folder: Path) -> Shared:
    """Starts to make what shared() then is in this process and in those forked from it."""
    global _shared  # noqa: PLW0603 nothing else is left by a process to those that are forked from it
    ended_fd, alive_fd = os.pipe()
    url = os.environ.get("TEST_DATABASE_URL", "")
    _shared = Shared(folder, url, f"topup_template_{os.getpid()}", ended_fd)
    if os.fork() == 0:
        # What is wrong, each process says that then makes its own.
        with contextlib.suppress(BaseException):
            os.environ.setdefault("PGSSLMODE", "disable")
            _shared.make()
        os._exit(0)
    os.close(alive_fd)
    return _shared


def shared() -> Shared | None:
    return _shared


def make_on_server(url: str, name: str) -> ServerTemplate:
    """In place of one of that name, if any."""
    drop_database(url, name)
    template_url = create_database(url, name)
    migrate(template_url)
    return asyncio.run(_described(template_url, name))


async def _described(url: str, name: str) -> ServerTemplate:
    connection = await asyncpg.connect(url)
    try:
        shape = [row[0] for row in await connection.fetch(SHAPE)]
        size = await connection.fetchval(SIZE)
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        found = {row[0]: await connection.fetch(f"SELECT * FROM {row[0]}") for row in tables}
    finally:
        await connection.close()
    rows = {table: [tuple(row) for row in of_table] for table, of_table in found.items()}
    return ServerTemplate(name, shape, size, rows)
