"""What a transaction promises, on both databases."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from store.database import Database, Transaction
from store.errors import ConnectionLost, DataRefused, StoreError
from store.open import open_database
from store.sqlite.database import SqliteDatabase

SECRET = "hunter2"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def put(tx: Transaction, name: str, value: Any = 0) -> None:
    await tx.insert("sealed_keys", ("name", "sealed", "created_at"), [(name, b"", value)])


async def names(tx: Transaction) -> list[str]:
    return [row["name"] for row in await tx.fetch("SELECT name FROM sealed_keys ORDER BY name")]


class Listener:
    """Notes the hints; `heard` waits for the first."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._event = asyncio.Event()

    def __call__(self, name: str) -> None:
        self.told.append(name)
        self._event.set()

    async def heard(self) -> list[str]:
        async with asyncio.timeout(10):
            await self._event.wait()
        return self.told


async def test_a_transaction_is_kept_and_returns_its_value(database: Database) -> None:
    async def work(tx: Transaction) -> str:
        await put(tx, "a")
        return "done"

    assert await database.transaction(work) == "done"
    assert await database.read(names) == ["a"]


async def test_an_error_undoes_everything_and_passes_through(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        await put(tx, "a")
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await database.transaction(work)

    assert await database.read(names) == []


async def test_rows_are_written_as_they_are_however_many_and_whatever_they_share(
    database: Database,
) -> None:
    columns = (
        *("account_id", "environment", "digest", "fingerprint", "status", "body"),
        *("code_at", "created_at"),
    )
    # Of so many rows each: a place in none, in the first alone, in all but the first, in all.
    shares: tuple[Callable[[int], bool], ...] = (
        lambda _: False,
        lambda n: n == 0,
        lambda n: n > 0,
        lambda _: True,
    )
    written: list[tuple[Any, ...]] = [
        (
            "acc_1",
            "live",
            f"{rows} {kind} {n:03d}",
            f"f{n % 2}",
            kind,
            body,
            n if has(n) else None,
            7,
        )
        for rows in (1, 2, 5, 17, 85)
        for kind, has in enumerate(shares)
        for n, body in enumerate([b"a", None] * rows)
    ]

    async def work(tx: Transaction) -> list[int]:
        wholes: dict[str, list[tuple[Any, ...]]] = {}
        for row in written:
            wholes.setdefault(row[2].rpartition(" ")[0], []).append(row)
        return [await tx.insert("idempotency_keys", columns, rows) for rows in wholes.values()]

    async def read(tx: Transaction) -> list[tuple[Any, ...]]:
        listed = ", ".join(columns)
        return list(map(tuple, await tx.fetch(f"SELECT {listed} FROM idempotency_keys")))

    touched = await database.transaction(work)

    assert touched == [count for count in (2, 4, 10, 34, 170) for _ in range(4)]
    assert sorted(map(str, await database.read(read))) == sorted(map(str, written))


async def test_one_insert_may_come_back_to_its_own_rows(database: Database) -> None:
    columns = ("key_id", "period", "window_start_at", "account_id", "spent_micros")
    adds = "ON CONFLICT (key_id, period, window_start_at) DO NOTHING"

    async def work(tx: Transaction) -> int:
        rows = [("key_1", "day", n % 10, "acc_1", n) for n in range(20)]
        return await tx.insert("spend_windows", columns, rows, adds)

    assert await database.transaction(work) == 10


async def test_writes_say_how_many_rows_they_touched(database: Database) -> None:
    async def work(tx: Transaction) -> list[Any]:
        columns = ("name", "sealed", "created_at")
        rows = [("a", b"", 1), ("b", b"", 2)]
        again = "ON CONFLICT DO NOTHING"
        return [
            await tx.insert("sealed_keys", columns, rows),
            await tx.insert("sealed_keys", columns, [*rows, ("c", b"", 3)], again),
            await tx.insert("sealed_keys", columns, []),
            await tx.execute("UPDATE sealed_keys SET created_at = 0 WHERE created_at > :n", n=1),
            await tx.execute("DELETE FROM sealed_keys WHERE name = :name", name="none"),
            await tx.fetch_one("SELECT name FROM sealed_keys WHERE name = :name", name="none"),
        ]

    assert await database.transaction(work) == [2, 1, 0, 2, 0, None]


async def test_hints_come_once_and_after_the_commit(database_url: str) -> None:
    listener = Listener()
    seen: list[asyncio.Task[list[str]]] = []

    def on_hint(name: str) -> None:
        listener(name)
        seen.append(asyncio.get_running_loop().create_task(database.read(names)))

    database = open_database(database_url, on_hint=on_hint)

    async def work(tx: Transaction) -> None:
        tx.hint("deliveries")
        tx.hint("deliveries")
        await put(tx, "a")
        assert listener.told == []

    await database.transaction(work)

    assert await listener.heard() == ["deliveries"]
    assert await seen[0] == ["a"]
    await database.close()


async def test_no_hint_comes_from_what_was_undone(database_url: str) -> None:
    listener = Listener()
    database = open_database(database_url, on_hint=listener)

    async def fail(tx: Transaction) -> None:
        tx.hint("deliveries")
        await put(tx, "a")
        raise LookupError

    async def succeed(tx: Transaction) -> None:
        tx.hint("fulfilment")

    with pytest.raises(LookupError):
        await database.transaction(fail)
    await database.transaction(succeed)

    assert await listener.heard() == ["fulfilment"]
    await database.close()


async def test_a_listener_that_fails_does_not_fail_the_commit(database_url: str) -> None:
    def on_hint(name: str) -> None:
        raise ValueError(name)

    database = open_database(database_url, on_hint=on_hint)

    async def work(tx: Transaction) -> str:
        tx.hint("deliveries")
        await put(tx, "a")
        return "done"

    assert await database.transaction(work) == "done"
    assert await database.read(names) == ["a"]
    await database.close()


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError):
        await database.read(lambda tx: put(tx, "a"))

    assert await database.read(names) == []


async def test_a_read_sees_one_moment(database: Database) -> None:
    loop = asyncio.get_running_loop()

    async def work(tx: Transaction) -> tuple[list[str], list[str]]:
        before = await names(tx)
        writing = database.transaction(lambda tx: put(tx, "a"))
        if isinstance(database, SqliteDatabase):
            # A reader's thread may wait for the writer's: they are two.
            asyncio.run_coroutine_threadsafe(writing, loop).result(10)
        else:
            await writing
        return before, await names(tx)

    assert await database.read(work) == ([], [])
    assert await database.read(names) == ["a"]


async def test_only_what_asks_for_it_is_less_durable(database: Database) -> None:
    is_sqlite = isinstance(database, SqliteDatabase)
    question = "PRAGMA synchronous" if is_sqlite else "SHOW synchronous_commit"

    async def work(tx: Transaction) -> Any:
        row = await tx.fetch_one(question)
        return None if row is None else row[0]

    settings = [
        await database.transaction(work),
        await database.transaction(work, durable=False),
        await database.transaction(work),
    ]

    # SQLite: 2 is FULL, 1 is NORMAL.
    assert settings == ([2, 1, 2] if is_sqlite else ["on", "off", "on"])


@on_sqlite
@pytest.mark.parametrize("pause", [lambda: asyncio.sleep(0), lambda: asyncio.sleep(1)])
async def test_waiting_for_anything_else_is_refused_and_undone(
    database: Database, pause: Callable[[], Awaitable[None]]
) -> None:
    async def work(tx: Transaction) -> None:
        await put(tx, "a")
        await pause()

    # sleep(1) does not even begin: the writer's thread has no loop. Also a RuntimeError.
    with pytest.raises(RuntimeError):
        await database.transaction(work)
    with pytest.raises(RuntimeError):
        await database.read(lambda tx: pause())

    assert await database.read(names) == []
    await database.transaction(lambda tx: put(tx, "b"))
    assert await database.read(names) == ["b"]


@pytest.mark.parametrize(
    ("name", "value", "constraint"),
    [
        (SECRET, 0, "unique"),
        (f"{SECRET}-null", None, "created_at"),
        (f"{SECRET}-large", 2**63, ""),
        (f"{SECRET}\ud800", 0, ""),
    ],
)
async def test_a_refused_row_is_named_without_its_values(
    database: Database, name: str, value: int | None, constraint: str
) -> None:
    await database.transaction(lambda tx: put(tx, SECRET))

    with pytest.raises(DataRefused) as caught:
        await database.transaction(lambda tx: put(tx, name, value))

    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown.replace('SECRET = "hunter2"', "")
    assert "9223372036854775808" not in shown
    if constraint == "unique":
        # SQLite names the column, PostgreSQL the constraint.
        assert caught.value.constraint in {"sealed_keys.name", "sealed_keys_pkey"}
    assert await database.read(names) == [SECRET]


async def test_a_balance_below_zero_is_refused_by_its_constraint(database: Database) -> None:
    columns = ("key_id", "period", "window_start_at", "account_id", "spent_micros")

    with pytest.raises(DataRefused) as caught:
        await database.transaction(
            lambda tx: tx.insert("spend_windows", columns, [("k", "day", 0, "a", -1)])
        )

    assert caught.value.constraint == "spent_not_negative"
    assert caught.value.code in {"SQLITE_CONSTRAINT_CHECK", "23514"}


async def test_a_faulty_statement_is_an_error_of_the_store(database: Database) -> None:
    with pytest.raises(StoreError) as caught:
        await database.read(lambda tx: tx.fetch("SELECT nothing FROM nowhere"))

    assert caught.value.code in {"SQLITE_ERROR", "42P01"}


async def test_many_transactions_at_once_lose_nothing(database: Database) -> None:
    await database.transaction(lambda tx: put(tx, "counter"))

    async def add(tx: Transaction) -> None:
        row = await tx.fetch_one(
            "SELECT created_at FROM sealed_keys WHERE name = :name FOR UPDATE", name="counter"
        )
        assert row is not None
        value = row["created_at"] + 1
        await tx.execute("UPDATE sealed_keys SET created_at = :value", value=value)

    await asyncio.gather(*(database.transaction(add) for _ in range(40)))

    row = await database.read(lambda tx: tx.fetch_one("SELECT created_at FROM sealed_keys"))
    assert row is not None
    assert row["created_at"] == 40


@on_sqlite
async def test_a_caller_that_goes_away_stops_no_commit_half_way(database_url: str) -> None:
    listener = Listener()
    database = open_database(database_url, on_hint=listener)

    async def work(tx: Transaction) -> None:
        tx.hint("deliveries")
        await put(tx, "a")

    call = asyncio.create_task(database.transaction(work))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert await listener.heard() == ["deliveries"]
    assert await database.read(names) == ["a"]
    await database.close()


async def test_a_closed_database_says_so(database_url: str) -> None:
    database = open_database(database_url)
    await database.transaction(lambda tx: put(tx, "a"))

    await database.close()
    await database.close()

    with pytest.raises(ConnectionLost):
        await database.transaction(lambda tx: put(tx, "b"))
    with pytest.raises(ConnectionLost):
        await database.read(names)


def test_a_url_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="sqlite:/// or postgresql://"):
        open_database("mysql://localhost/topup")
