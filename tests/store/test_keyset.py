"""Lists by keyset: what a page holds, and the texts that ask for it."""

from collections.abc import Sequence
from typing import Any

from kernel.clock import DAY_US
from kernel.ids import least_id
from store.database import Database, Transaction
from store.keyset import NEWEST, Begin, Keyset, ListPlace

OF_TENANT = "account_id = :account_id AND environment = :environment"
PAGES = Keyset(
    "name, created_at",
    "sealed_keys",
    "created_at >= :since",
    filters={"sealed": "sealed = :sealed", "is_late": "created_at > 2"},
    key="name",
)


async def given(tx: Transaction) -> None:
    rows = [("a", b"x", 0), ("b", b"y", 1), ("c", b"x", 2), ("d", b"y", 3), ("e", b"x", 4)]
    await tx.insert("sealed_keys", ("name", "sealed", "created_at"), rows)


async def page(database: Database, pages: Keyset = PAGES, **values: Any) -> list[str]:
    async def work(tx: Transaction) -> list[str]:
        return [row["name"] for row in await pages.page(tx, **values)]

    return await database.read(work)


async def test_a_page_begins_at_the_newest(database: Database) -> None:
    await database.transaction(given)

    assert await page(database, limit=2, since=0) == ["e", "d"]
    assert await page(database, limit=2, since=0, before_id=NEWEST) == ["e", "d"]


async def test_the_next_one_goes_on_after_the_last_id(database: Database) -> None:
    await database.transaction(given)

    assert await page(database, limit=2, since=0, before_id="d") == ["c", "b"]
    assert await page(database, limit=2, since=0, before_id="b") == ["a"]


async def test_only_what_is_given_narrows_it(database: Database) -> None:
    await database.transaction(given)

    assert await page(database, limit=9, since=1, sealed=None) == ["e", "d", "c", "b"]
    assert await page(database, limit=9, since=1, sealed=b"x") == ["e", "c"]
    assert await page(database, limit=9, since=1, sealed=b"x", before_id="e") == ["c"]


async def test_a_filter_without_a_value_of_its_own_is_switched(database: Database) -> None:
    await database.transaction(given)

    assert await page(database, limit=9, since=0, is_late=True) == ["e", "d"]
    assert await page(database, limit=9, since=0, is_late=False) == ["e", "d", "c", "b", "a"]


async def test_zero_and_empty_are_values(database: Database) -> None:
    pages = Keyset("name", "sealed_keys", filters={"at": "created_at = :at"}, key="name")
    await database.transaction(given)

    assert await page(database, pages, limit=9, at=0) == ["a"]


async def test_a_list_may_begin_with_the_oldest(database: Database) -> None:
    pages = Keyset("name", "sealed_keys", "name > :after", key="name", order="ASC")
    await database.transaction(given)

    assert await page(database, pages, limit=2, after="b") == ["c", "d"]


async def test_a_numbered_page_says_how_many_there_are(database: Database) -> None:
    await database.transaction(given)

    async def work(tx: Transaction) -> tuple[Sequence[Any], int]:
        return await PAGES.numbered_page(tx, offset=1, limit=1, since=0, sealed=b"x")

    rows, total = await database.read(work)

    assert [row["name"] for row in rows] == ["c"]
    assert total == 3


async def test_what_has_no_index_is_looked_for_in_pieces(database: Database) -> None:
    pages = Keyset(
        "name",
        "sealed_keys",
        filters={"sealed": "sealed = :sealed", "since": "created_at >= :since"},
        key="name",
        indexed=("since",),
        looked_at=2,
    )
    await database.transaction(given)

    async def looked(begin: Begin, **values: Any) -> tuple[list[str], str | None]:
        found = await database.read(
            lambda tx: pages.stretch(
                tx, lambda row: str(row["name"]), limit=9, before_id=begin, **values
            )
        )
        return list(found), found.end

    assert await looked(None, sealed=b"y") == (["d"], "d")
    assert await looked("d", sealed=b"y") == (["b"], "b")
    assert await looked("b", sealed=b"y") == ([], None)
    assert await looked(ListPlace("created"), sealed=b"y") == (["b"], "b")
    assert await looked(ListPlace("created", "d"), sealed=b"x") == (["e"], None)
    assert await looked(None, sealed=b"x", since=3) == (["e"], "d")
    assert await looked(None, since=1) == (["e", "d", "c", "b"], None)


async def test_days_are_found_by_their_ids_and_by_their_time_where_a_clock_was_wrong(
    database: Database,
) -> None:
    pages = Keyset(
        "name",
        "sealed_keys",
        filters={
            "created_after": "created_at >= :created_after",
            "created_before": "created_at < :created_before",
        },
        key="name",
        days_of="txn",
    )
    months = [(least_id("txn", month * 30 * DAY_US), month * 30 * DAY_US) for month in range(9)]
    # Made by a machine whose clock was a year ahead.
    ahead = (least_id("txn", 365 * DAY_US), 8 * 30 * DAY_US + 5)

    async def write(tx: Transaction) -> None:
        rows = [(name, b"", at) for name, at in [*months, ahead]]
        await tx.insert("sealed_keys", ("name", "sealed", "created_at"), rows)

    await database.transaction(write)
    names = [name for name, _ in months]
    days = {"created_after": 60 * DAY_US, "created_before": 120 * DAY_US}
    late = {"created_after": 240 * DAY_US, "created_before": 250 * DAY_US}

    assert await page(database, pages, limit=9, **days) == [names[3], names[2]]
    assert await page(database, pages, limit=9, **late) == [ahead[0], names[8]]
    assert await page(database, pages, limit=9, created_before=1) == [names[0]]
    assert await page(database, pages, limit=9, created_after=500 * DAY_US) == []


def test_the_text_has_what_was_asked_for_and_no_more() -> None:
    pages = Keyset(
        "t.id", "topups t", OF_TENANT, filters={"status": "t.status = :status"}, key="t.id"
    )

    assert pages.text({"status": None, "before_id": None}) == (
        "SELECT t.id FROM topups t WHERE account_id = :account_id AND environment = :environment"
        " ORDER BY t.id DESC LIMIT :page_rows"
    )
    assert pages.text({"status": "failed", "before_id": "txn_1"}) == (
        "SELECT t.id FROM topups t WHERE account_id = :account_id AND environment = :environment"
        " AND t.status = :status AND t.id < :before_id ORDER BY t.id DESC LIMIT :page_rows"
    )


def test_a_list_of_everything_has_no_condition() -> None:
    assert Keyset("id", "orders").text({}) == (
        "SELECT id FROM orders ORDER BY id DESC LIMIT :page_rows"
    )
