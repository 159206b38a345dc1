"""What is recorded of each copy, and what stays of it."""

from functools import partial

from store.database import Database, Transaction
from store.kept import backups
from store.kept.backups import Backup
from tests.support.dispatcher import rows

BUILD = "0.1.0.dev7+g01234567"


async def test_a_copy_has_its_record_before_it_is_whole(database: Database) -> None:
    begun = await database.transaction(partial(backups.begin, now_us=1_000, code_version=BUILD))
    assert await database.read(backups.newest) == [Backup(begun, "local", 1_000, None, BUILD, None)]
    assert await database.read(backups.last_finished) == {}

    await database.transaction(partial(backups.end, backup_id=begun, now_us=2_000, size=4_096))

    assert await database.read(backups.newest) == [
        Backup(begun, "local", 1_000, 2_000, BUILD, 4_096)
    ]
    assert await database.read(backups.last_finished) == {"local": 1_000}


async def test_each_place_has_its_own_last_copy(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        begun = await backups.begin(tx, now_us=10, code_version=BUILD)
        await backups.end(tx, begun, now_us=11, size=1)
        await backups.record_elsewhere(tx, now_us=12, code_version=BUILD)
        # It fails, so it counts for nothing.
        await backups.begin(tx, now_us=13, code_version=BUILD)

    await database.transaction(work)

    assert await database.read(backups.last_finished) == {"local": 10, "elsewhere": 12}
    assert [one.began_at for one in await database.read(backups.newest)] == [13, 12, 10]


async def test_a_hundred_of_a_place_stay_and_the_last_whole_one(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        await backups.record_elsewhere(tx, now_us=1, code_version=BUILD)
        whole = await backups.begin(tx, now_us=2, code_version=BUILD)
        await backups.end(tx, whole, now_us=3, size=1)
        for at in range(3, 106):
            await backups.begin(tx, now_us=at, code_version=BUILD)

    await database.transaction(work)

    kept = await rows(database, "SELECT began_at FROM backups ORDER BY began_at")
    assert [row["began_at"] for row in kept] == [1, 2, *range(6, 106)]
    assert await database.read(backups.last_finished) == {"local": 2, "elsewhere": 1}
