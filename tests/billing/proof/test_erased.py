"""The proof of a database with every kind of fact, after each of its sandbox accounts is erased."""

import pytest

from billing.proof.audit import audit
from kernel.clock import FixedClock
from store.erase import erase_account
from store.open import open_database

pytestmark = pytest.mark.long("facts")


@pytest.mark.sampled(2, group="facts")
async def test_what_an_erased_account_used_is_no_finding(facts_url: str, clock: FixedClock) -> None:
    """Coupons, codes and series count across accounts, and an account takes its own rows along."""
    database = open_database(facts_url)
    try:
        rows = await database.read(
            lambda tx: tx.fetch("SELECT id FROM accounts WHERE is_operator = 0 ORDER BY id")
        )
        assert [one async for one in audit(database)] == []
        await database.transaction(lambda tx: tx.execute("UPDATE accounts SET is_sandbox = 1"))
        for row in rows:
            clock.advance_s(1)
            await erase_account(database, row["id"], now_us=clock.now_us())
        found = [one async for one in audit(database)]
    finally:
        await database.close()

    assert len(rows) > 3
    assert [(one.rule, one.environment) for one in found if one.environment == "staging"] == []
