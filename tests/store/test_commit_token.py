"""The rows by which a commit in doubt is settled: written with what they tell of, deleted long after."""

from kernel.clock import DAY_US
from store import commit_token
from store.database import Database, Store, Transaction
from store.open import open_database
from store.sqlite.database import SqliteDatabase

NOW_US = 1_000 * DAY_US


async def put(tx: Transaction) -> None:
    await tx.insert_deferred("sealed_keys", ("name", "sealed", "created_at"), [("a", b"", 0)])


async def read_only(tx: Transaction) -> None:
    await tx.fetch("SELECT name FROM sealed_keys")


async def tokens(database: Database) -> int:
    rows = await database.read(lambda tx: tx.fetch("SELECT id FROM commit_tokens"))
    return len(rows)


async def test_only_a_transaction_that_wrote_something_leaves_a_token(database_url: str) -> None:
    database = open_database(database_url)

    await database.transaction(read_only)
    before = await tokens(database)
    await database.transaction(put)

    # SQLite's commit is a call of this process, whose answer is never lost.
    assert before == 0
    assert await tokens(database) == (0 if isinstance(database, SqliteDatabase) else 1)
    await database.close()


async def test_rows_of_processes_that_are_gone_are_deleted_and_a_living_one_writes_its_own_again(
    database_url: str,
) -> None:
    database: Store = open_database(database_url)
    await database.probe(b"x" * 100, now_us=NOW_US)
    kept = await database.transaction(lambda tx: commit_token.prune(tx, before_us=NOW_US))
    # Everything that was written by now; the transaction that prunes writes a token itself.
    gone = await database.transaction(lambda tx: commit_token.prune(tx, before_us=NOW_US + 1))

    await database.probe(b"", now_us=NOW_US)

    assert (kept, gone) == (0, 1)
    assert await tokens(database) >= 1
    await database.close()
