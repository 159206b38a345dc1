"""Whatever the gateway writes, no event says more or less of money than its transfers moved."""

from pathlib import Path

import pytest

from kernel.clock import FixedClock
from store.open import open_database
from tests.support.every_fact import fill
from tests.support.told_amounts import overstatements


@pytest.mark.long
@pytest.mark.one_database
async def test_each_amount_of_an_event_is_what_its_transfers_moved(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    await fill(database_url, tmp_path, clock)

    database = open_database(database_url)
    try:
        assert await database.read(overstatements) == []
    finally:
        await database.close()
