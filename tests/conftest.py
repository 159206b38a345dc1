"""The database of a test: SQLite always, PostgreSQL when TEST_DATABASE_URL is set.

Each test gets a copy of a migrated template, so no test sees another's rows.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kernel.clock import FixedClock, parse_rfc3339
from store.db import Database
from store.migrate import migrate
from store.open import open_database
from tests.server import Server

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    opened = Server(SERVER_URL)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database; once for each of the two kinds."""
    if request.param == "sqlite":
        path = tmp_path / "topup.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    if not SERVER_URL:
        if os.environ.get("CI"):
            pytest.fail("CI sets TEST_DATABASE_URL: PostgreSQL is never skipped there")
        pytest.skip("TEST_DATABASE_URL is not set")
    server: Server = request.getfixturevalue("postgresql_server")
    url = server.lend()
    yield url
    server.take_back(url)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> FixedClock:
    """Noon UTC of the day in the seed's example."""
    return FixedClock(parse_rfc3339("2026-06-13T12:00:00Z"))
