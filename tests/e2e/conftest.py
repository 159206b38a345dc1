"""An installation for each test: real processes around a migrated database of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bench.receiver import Receiver
from bench.running import Installation

Install = Callable[..., Installation]


@pytest.fixture
def install(database_url: str, tmp_path: Path) -> Iterator[Install]:
    """Makes the installation with the given settings, on either database; closed with the test."""
    made: list[Installation] = []

    def make(**settings: str) -> Installation:
        made.append(Installation(tmp_path / "data", database_url, **settings))
        return made[-1]

    yield make
    for installation in made:
        installation.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as opened:
        yield opened
