"""A database with every kind of fact: filled once for each kind of database in a process, and copied for each test."""

import itertools
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kernel.clock import SECOND_US, FixedClock
from tests.conftest import SERVER_URL
from tests.support.databases import Server
from tests.support.every_fact import fill
from tests.support.postgres_server import create_database, drop_database

_numbers = itertools.count(1)


class Filled:
    """What is there so far: by kind of database what was filled, and the clock's time at its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended_us: dict[str, int] = {}
        self._file = folder / "facts.db"
        self._name = f"topup_facts_{os.getpid()}"

    async def file(self, template: Path, clock: FixedClock) -> Path:
        """Return a SQLite database with the facts, to be copied; sets the clock to their end."""
        if "sqlite" not in self._ended_us:
            shutil.copy(template, self._file)
            await self._fill("sqlite", f"sqlite:///{self._file}", clock)
        self._set(clock, "sqlite")
        return self._file

    async def on_server(self, template: str, clock: FixedClock) -> str:
        """Return the name of a database with the facts, to be copied; sets the clock to their end."""
        if "postgresql" not in self._ended_us:
            url = create_database(SERVER_URL, self._name, template=template)
            await self._fill("postgresql", url, clock)
        self._set(clock, "postgresql")
        return self._name

    async def _fill(self, kind: str, url: str, clock: FixedClock) -> None:
        folder = self._folder / kind
        folder.mkdir()
        await fill(url, folder, clock)
        self._ended_us[kind] = clock.now_us()

    def _set(self, clock: FixedClock, kind: str) -> None:
        clock.advance_s((self._ended_us[kind] - clock.now_us()) / SECOND_US)

    def close(self) -> None:
        if "postgresql" in self._ended_us:
            drop_database(SERVER_URL, self._name)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    found = Filled(tmp_path_factory.mktemp("facts"))
    yield found
    found.close()


@pytest_asyncio.fixture
async def facts_url(
    request: pytest.FixtureRequest,
    database_url: str,
    filled: Filled,
    clock: FixedClock,
    tmp_path: Path,
) -> AsyncIterator[str]:
    """The URL of a database of the test's own with every kind of fact; the clock stands at their end."""
    if database_url.startswith("sqlite"):
        path = tmp_path / "facts.db"
        shutil.copy(await filled.file(request.getfixturevalue("sqlite_template"), clock), path)
        yield f"sqlite:///{path}"
        return
    server: Server = request.getfixturevalue("postgresql_server")
    template = await filled.on_server(server.template, clock)
    name = f"{template}_{next(_numbers)}"
    yield create_database(SERVER_URL, name, template=template)
    drop_database(SERVER_URL, name)
