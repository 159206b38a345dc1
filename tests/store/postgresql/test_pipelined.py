"""Reads that share a round trip answer as each would alone; writes are made in their order."""

from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import BatchRead, Database, Rows, Transaction
from store.errors import StoreError
from store.postgresql.database import PostgresqlDatabase
from tests.support.webhook_rows import given_account, given_endpoint

_ACCOUNTS = "SELECT a.name, a.id, a.created_at FROM accounts a WHERE a.id IN :ids[text]"
_WORLDS = """
SELECT e.account_id, e.environment, e.event_no FROM :tenants[account_id text, environment text] AS v
CROSS JOIN account_environments e
WHERE e.account_id = v.account_id AND e.environment = v.environment ORDER BY e.environment
"""
_SECRETS = "SELECT p.secret_sealed FROM endpoints p WHERE p.account_id = :account"


def reading(found: dict[str, Any], name: str, text: str, **values: Any) -> BatchRead:
    def take(rows: Rows) -> None:
        found[name] = [tuple(row[place] for place in PLACES[name]) for row in rows]

    return BatchRead(text, take, **values)


# Which columns a reading's taker looks at, in its own order.
PLACES = {
    "accounts": (1, 0),
    "worlds": (1, 0, 2),
    "secrets": (0,),
    "nobody": (0,),
    "nothing": (0,),
}


async def test_each_reading_takes_its_own_rows(database: Database, clock: FixedClock) -> None:
    account = await given_account(database, clock)
    await given_account(database, clock)
    await given_endpoint(
        database, clock, Tenant(account, "live"), url="https://hooks.example.com/in"
    )
    tenants = [Tenant(account, "live"), Tenant(account, "staging")]
    found: dict[str, Any] = {}

    async def work(tx: Transaction) -> list[Any]:
        await tx.fetch_many(
            [
                reading(found, "accounts", _ACCOUNTS, ids=[account]),
                reading(found, "nobody", _ACCOUNTS, ids=["acc_none"]),
                reading(found, "nothing", ""),
                reading(found, "worlds", _WORLDS, tenants=tenants),
                reading(found, "secrets", _SECRETS, account=account),
            ]
        )
        return [row["secret_sealed"] for row in await tx.fetch(_SECRETS, account=account)]

    sealed = await database.transaction(work)

    assert [one for one, _ in found["accounts"]] == [account]
    assert found["worlds"] == [("live", account, 0), ("staging", account, 0)]
    assert found["nobody"] == []
    assert found["secrets"] == [(one,) for one in sealed]
    assert len(sealed) == 1
    assert isinstance(sealed[0], bytes)
    # Not even asked.
    assert "nothing" not in found


async def test_together_they_are_one_statement_on_postgresql(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)
    found: dict[str, Any] = {}
    readings = [
        reading(found, "accounts", _ACCOUNTS, ids=[account]),
        reading(found, "worlds", _WORLDS, tenants=[Tenant(account, "live")]),
    ]

    for _ in range(2):
        before = database.statements_run
        await database.read(lambda tx: tx.fetch_many(readings))
        run = database.statements_run - before

        # BEGIN and COMMIT beside them.
        assert run == (3 if isinstance(database, PostgresqlDatabase) else 4)
        assert found["worlds"] == [("live", account, 0)]


async def test_nothing_to_read_is_no_statement(database: Database) -> None:
    before = database.statements_run

    await database.read(lambda tx: tx.fetch_many([reading({}, "nothing", "")]))

    assert database.statements_run - before <= 2


async def test_what_was_written_before_is_read(database: Database, clock: FixedClock) -> None:
    account = await given_account(database, clock)
    found: dict[str, Any] = {}

    async def work(tx: Transaction) -> None:
        await tx.execute_deferred(
            "UPDATE accounts SET name = :name WHERE id = :id", touching=1, name="New", id=account
        )
        await tx.fetch_many([reading(found, "accounts", _ACCOUNTS, ids=[account])])

    await database.transaction(work)

    assert found["accounts"] == [(account, "New")]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_writes_together_are_made_in_their_order_and_counted_where_asked(
    database: Database,
) -> None:
    async def write(tx: Transaction, touching: int) -> None:
        await tx.insert_deferred("sealed_keys", ("name", "sealed", "created_at"), [("a", b"", 1)])
        await tx.execute_deferred(
            "UPDATE sealed_keys SET created_at = 5 WHERE name = :name", touching=touching, name="o"
        )
        await tx.insert_deferred("sealed_keys", ("sealed", "name", "created_at"), [(b"", "b", 1)])
        await tx.insert_deferred("sealed_keys", ("created_at", "name", "sealed"), [(1, "c", b"")])

    row = [("o", b"", 1)]
    columns = ("name", "sealed", "created_at")
    await database.transaction(lambda tx: tx.insert("sealed_keys", columns, row))
    with pytest.raises(StoreError, match="1 touched, not 2"):
        await database.transaction(lambda tx: write(tx, touching=2))
    before = database.statements_run
    await database.transaction(lambda tx: write(tx, touching=1))

    # With BEGIN and COMMIT.
    assert database.statements_run - before == 3
    # Where rows lie in the table, new ones behind each other.
    made = await database.read(
        lambda tx: tx.fetch("SELECT name FROM sealed_keys WHERE created_at = 1 ORDER BY ctid")
    )
    assert [row["name"] for row in made] == ["a", "b", "c"]
