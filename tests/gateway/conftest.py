"""A running gateway for the tests of one.

What the gateway shows and reads stands on subjects that are tested on both databases themselves, so each of its
tests runs on one of them a day, and another day on the other. `make prove` runs both.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.gateway import Gateway, running, settings_of
from tests.support.sampled import MARK

DATABASES = ("sqlite", "postgresql")
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sample the tests of the gateway by database, where there are two."""
    if not os.environ.get("TEST_DATABASE_URL"):
        return
    for item in items:
        if HERE not in item.path.parents or item.get_closest_marker(MARK):
            continue
        given = (
            item.callspec.params
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else {}
        )
        is_on_both = item.get_closest_marker("one_database") is None
        if is_on_both and given.get("database_url") in DATABASES:
            item.add_marker(pytest.mark.sampled(len(DATABASES)))


@pytest_asyncio.fixture
async def gateway(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Gateway]:
    """On the test's own clock where it is marked fixed_clock, with the settings that the mark
    gateway_settings names.
    """
    given = request.node.get_closest_marker("gateway_settings")
    is_fixed = request.node.get_closest_marker("fixed_clock") is not None
    clock = request.getfixturevalue("clock") if is_fixed else None
    settings = settings_of(database_url, tmp_path, **(given.kwargs if given else {}))
    async with running(settings, clock) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """What a page shows is the same on both databases; what it reads is tested on both elsewhere."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(sqlite_template, folder / "topup.db")
    async with running(settings_of(f"sqlite:///{folder / 'topup.db'}", folder)) as opened:
        yield opened
