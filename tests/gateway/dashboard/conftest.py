"""One gateway for the tests of a module that look at pages."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.gateway import Gateway, running, settings_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """What a page shows is the same on both databases; what it reads is tested on both elsewhere."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(sqlite_template, folder / "topup.db")
    async with running(settings_of(f"sqlite:///{folder / 'topup.db'}", folder)) as opened:
        yield opened
