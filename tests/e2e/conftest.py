"""Installations of real processes, each around a migrated database of its own, a receiver, and the
one browser of this process.

All tests here run in one loop, the browser's: starting one takes longer than most of what it is for.
"""

import itertools
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.conftest import on_each_database
from tests.support.chromium import chromium
from tests.support.installation import Installation
from tests.support.postgres_server import create_database, drop_database
from tests.support.preloaded import Preloaded
from tests.support.programs import NO_SERVER, missing
from tests.support.receiver import Receiver

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "")
Install = Callable[..., Installation]
_numbers = itertools.count(1)


class WorkingSet:
    """Makes installations, and keeps those that a module's tests share."""

    def __init__(
        self, folder: Path, *, file_template: Path, server_template: str, preloaded: Preloaded
    ) -> None:
        self._folder = folder
        self._preloaded = preloaded
        self._file_template = file_template
        self._server_template = server_template
        self._made: list[Installation] = []
        self._databases: list[str] = []
        self.shared: dict[str, Installation] = {}

    def make(self, kind: str, *, password: str = "", **settings: str) -> Installation:
        """A new one on a database of that kind, not started; skips where there is no server.

        The password goes into the server's URL.
        """
        data_dir = self._folder / str(next(_numbers))
        data_dir.mkdir(mode=0o700)
        url = ""
        if kind == "sqlite":
            shutil.copy(self._file_template, data_dir / "topup.db")
        else:
            url = self._database()
            user, _, place = url.rpartition("@")
            url = f"{user}:{password}@{place}" if password else url
        self._made.append(Installation(data_dir, url, **settings))
        self._made[-1].preloaded = self._preloaded
        return self._made[-1]

    def close(self) -> None:
        for installation in self._made:
            installation.close()
        for name in self._databases:
            drop_database(SERVER_URL, name)

    def _database(self) -> str:
        if not SERVER_URL:
            missing(NO_SERVER)
        self._databases.append(f"topup_e2e_{os.getpid()}_{next(_numbers)}")
        return create_database(SERVER_URL, self._databases[-1], template=self._server_template)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if not str(item.path).startswith(folder):
            continue
        item.add_marker(pytest.mark.long)
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_each_database(metafunc, "kind")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_browser() -> AsyncIterator[Browser]:
    """The one of this process."""
    async with chromium() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def browser(running_browser: Browser) -> AsyncIterator[Browser]:
    """Each test opens windows of a profile of its own in it; none stays, since what moves in one is
    drawn for as long as it is open, beside every test that comes after.
    """
    yield running_browser
    for context in running_browser.contexts:
        await context.close()


@pytest.fixture(scope="module")
def working_set(
    request: pytest.FixtureRequest,
    preloaded: Preloaded,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WorkingSet]:
    opened = WorkingSet(
        tmp_path_factory.mktemp("e2e"),
        file_template=sqlite_template,
        server_template=(
            request.getfixturevalue("postgresql_server").template if SERVER_URL else ""
        ),
        preloaded=preloaded,
    )
    yield opened
    opened.close()


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Either kind of database."""
    return str(request.param)


@pytest.fixture
def install(working_set: WorkingSet, kind: str) -> Install:
    """Makes an installation with the given settings, on either kind of database."""

    def make(**settings: str) -> Installation:
        return working_set.make(kind, **settings)

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as opened:
        yield opened
