"""A running gateway for the tests of one."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.gateway import Gateway, running, settings_of


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
