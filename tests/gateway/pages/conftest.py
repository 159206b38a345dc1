"""A running gateway for the tests of pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.gateway.running import Gateway, running, settings_of


@pytest_asyncio.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(settings_of(database_url, tmp_path)) as opened:
        yield opened
