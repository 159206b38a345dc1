"""A search looks at a bounded number of rows, says how far back it looked, and goes on from there."""

import pytest

from billing.reports.find_by_id import PLACES, all_topups_by_part, find_by_id, topups_by_part
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.principal import SCOPES
from store.database import Database, Transaction

OWN = Tenant("acc_0000000000000001", "staging")
OTHER = Tenant("acc_0000000000000002", "staging")
COLUMNS = (
    "id",
    "account_id",
    "environment",
    "status",
    "platform",
    "amount_cents",
    "recipient_email",
    "metadata",
    "fulfilment",
    "created_at",
)


async def write(tx: Transaction, tenant: Tenant, count: int, email: str) -> list[str]:
    ids = [new_id("txn") for _ in range(count)]
    rows = [
        (one, *tenant, "failed", "claude", 1000, email, "{}", "instant", 1_000_000 + place)
        for place, one in enumerate(ids)
    ]
    await tx.insert("topups", COLUMNS, rows)
    return ids


async def test_older_ones_are_found_by_going_on(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        (old,) = await write(tx, OWN, 1, "ann.lee@example.com")
        newer = await write(tx, OWN, 7, "bob@example.com")
        await write(tx, OTHER, 3, "ann.lee@example.com")

        first = await topups_by_part(tx, OWN, "ann.l", looked_at=5)
        assert list(first.items) == []
        # Of the eight the newest five; the fifth is the third of the seven.
        assert (first.older_than, first.looked_back_to) == (newer[2], 1_000_002)
        then = await topups_by_part(tx, OWN, "ann.l", before_id=first.older_than, looked_at=5)
        assert [one.id for one in then.items] == [old]
        assert then.older_than is None
        assert then.looked_back_to is None
        # Of all eleven the newest five: three of the other's, two of bob's.
        every = await all_topups_by_part(tx, "staging", "ann.l", looked_at=5)
        assert {one.account_id for one in every.items} == {OTHER.account_id}
        assert every.older_than == newer[5]
        assert list((await all_topups_by_part(tx, "live", "ann.l")).items) == []

    await database.transaction(work)


async def test_more_than_are_shown_go_on_after_the_last_shown(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        ids = await write(tx, OWN, 12, "ann.lee@example.com")
        first = await topups_by_part(tx, OWN, "lee@")
        assert [one.id for one in first.items] == ids[:1:-1]
        then = await topups_by_part(tx, OWN, "lee@", before_id=first.older_than)
        assert [one.id for one in then.items] == [ids[1], ids[0]]

    await database.transaction(work)


@pytest.mark.parametrize("account_id", [None, OWN.account_id])
async def test_each_prefix_has_a_statement_that_both_databases_take(
    database: Database, account_id: str | None
) -> None:
    async def work(tx: Transaction) -> None:
        for text in [f"{prefix}_0000000000000000" for prefix in (*PLACES, "req")] + ["0" * 32]:
            assert await find_by_id(tx, text, frozenset(SCOPES), account_id) == []

    await database.read(work)
