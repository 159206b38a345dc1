"""A transaction that begins with a lock has it before it reads, and sees what was written before."""

import asyncio

import asyncpg
import pytest

from store.database import Database, Lock, Transaction
from store.postgresql.commit import BeginWithLock
from store.postgresql.pool import PooledConnection

ROWS = (("plain_1", b"0"), ("it's {odd}", b"0"), ('"\\,', b"0"))
LOCK = "SELECT name FROM sealed_keys WHERE name IN :names[text] ORDER BY name FOR NO KEY UPDATE"


async def given_rows(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        rows = [(name, sealed, 1) for name, sealed in ROWS]
        await tx.insert("sealed_keys", ("name", "sealed", "created_at"), rows)

    await database.transaction(work)


async def count_up(database: Database, *names: str) -> None:
    """Reads and writes apart, so that only a lock keeps two of these from losing a step."""

    async def work(tx: Transaction) -> None:
        for name in names:
            row = await tx.fetch_one("SELECT sealed FROM sealed_keys WHERE name = :name", name=name)
            assert row is not None
            await tx.execute(
                "UPDATE sealed_keys SET sealed = :sealed WHERE name = :name",
                sealed=b"%d" % (int(row["sealed"]) + 1),
                name=name,
            )

    await database.transaction(work, lock=Lock(LOCK, names=sorted(names)))


async def counts(database: Database) -> dict[str, int]:
    rows = await database.read(lambda tx: tx.fetch("SELECT name, sealed FROM sealed_keys"))
    return {row["name"]: int(row["sealed"]) for row in rows}


@pytest.mark.parametrize("name", [name for name, _ in ROWS])
async def test_no_step_is_lost_under_the_lock(database: Database, name: str) -> None:
    await given_rows(database)

    # More than there are connections, so each is used for its first time and again.
    await asyncio.gather(*(count_up(database, name) for _ in range(40)))

    assert (await counts(database))[name] == 40


async def test_locks_of_several_rows_wait_for_each_other_in_order(database: Database) -> None:
    await given_rows(database)
    names = [name for name, _ in ROWS]

    await asyncio.gather(*(count_up(database, *names[i % 3 :], *names[: i % 3]) for i in range(30)))

    assert set((await counts(database)).values()) == {30}


async def test_a_lock_of_nothing_is_a_transaction_like_any_other(database: Database) -> None:
    await given_rows(database)

    await count_up(database)
    await database.transaction(lambda tx: tx.fetch("SELECT 1 AS one"), lock=None)

    assert set((await counts(database)).values()) == {0}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_session_that_processes_share_locks_what_each_of_them_means(
    database: Database, database_url: str
) -> None:
    await given_rows(database)
    # Behind a pooler both processes get the same session of the server; each knows nothing of what
    # the other has prepared there.
    session = await asyncpg.connect(database_url)
    other = LOCK.replace("FOR NO KEY UPDATE", "FOR UPDATE")
    begun = []

    for text in (LOCK, other, LOCK):
        await BeginWithLock("BEGIN", Lock(text, names=["plain_1"])).run(PooledConnection(session))
        statement = "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'topup%'"
        begun.append({row[0].rpartition(" AS ")[2] for row in await session.fetch(statement)})
        await session.execute("ROLLBACK")
    await session.close()

    assert [len(texts) for texts in begun] == [1, 2, 2]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_statement_that_another_process_prepared_first_is_used(
    database: Database, database_url: str
) -> None:
    await given_rows(database)
    session = await asyncpg.connect(database_url)
    beginning = BeginWithLock("BEGIN", Lock(LOCK, names=["plain_1"]))

    class Late:
        """Tells the first try that nothing is prepared, as a session did a moment ago."""

        is_first = True

        def add_log_listener(self, _listener: object) -> None:
            """The session's own warnings are of no concern here."""

        async def execute(self, text: str) -> str:
            if self.is_first:
                self.is_first = False
                raise asyncpg.InvalidSQLStatementNameError("gone")
            return str(await session.execute(text))

    await beginning.run(PooledConnection(session))
    await session.execute("ROLLBACK")
    await beginning.run(PooledConnection(Late()))

    held = await session.fetchval("SELECT count(*) FROM pg_locks WHERE mode = 'RowShareLock'")
    await session.close()
    assert held >= 1


async def test_a_read_that_is_cancelled_as_it_begins_leaves_nobody_inside_of_it(
    database: Database,
) -> None:
    await given_rows(database)

    async def touch(tx: Transaction) -> None:
        await tx.execute("UPDATE sealed_keys SET created_at = 2 WHERE name = 'plain_1'")

    # Wherever it is after so many steps of the loop: the server's answer to its BEGIN comes later.
    for steps in range(12):
        reading = asyncio.ensure_future(database.read(lambda tx: tx.fetch("SELECT 1")))
        for _ in range(steps):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        await database.transaction(touch)
