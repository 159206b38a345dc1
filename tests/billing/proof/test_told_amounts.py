"""Whatever the gateway writes, no event says more or less of money than its transfers moved."""

import pytest

from store.open import open_database
from tests.support.told_amounts import overstatements


@pytest.mark.long("facts")
@pytest.mark.one_database
async def test_each_amount_of_an_event_is_what_its_transfers_moved(facts_url: str) -> None:
    database = open_database(facts_url)
    try:
        assert await database.read(overstatements) == []
    finally:
        await database.close()
