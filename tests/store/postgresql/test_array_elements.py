"""The driver takes the elements of an array as they are."""

import pytest

from store.database import Store, Transaction

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Listlike(int):
    """A number that could be taken for a list."""

    def __iter__(self) -> object:
        raise AssertionError("a number is not looked into")

    def __len__(self) -> int:
        raise AssertionError("a number has no length")


async def test_an_element_is_not_looked_into(database: Store) -> None:
    async def work(tx: Transaction) -> list[int]:
        rows = [(Listlike(5), "a"), (7, None)]
        found = await tx.fetch("SELECT v.n FROM :rows[n bigint, t text] AS v", rows=rows)
        return [row["n"] for row in found]

    assert await database.read(work) == [5, 7]
