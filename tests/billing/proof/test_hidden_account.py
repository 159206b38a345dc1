"""An account whose rows the audit would not come by is found by what it has in the ledger."""

import pytest

from billing.proof.audit import audit
from kernel.clock import FixedClock
from store.database import Database, Transaction
from tests.support.funded_account import open_funded_account


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM account_environments WHERE account_id = :id",
        "DELETE FROM accounts WHERE id = :id",
    ],
)
async def test_an_account_without_its_environment_is_found(
    database: Database, clock: FixedClock, text: str
) -> None:
    account = await open_funded_account(database, clock)
    await account.send(1000)
    assert [one async for one in audit(database)] == []

    async def hide(tx: Transaction) -> None:
        await tx.execute(text, id=account.account_id)

    await database.transaction(hide)

    found = [one async for one in audit(database)]
    assert [(one.rule, one.row_id) for one in found] == [
        ("what is in the ledger is of an account with its environment", account.account_id)
    ]
