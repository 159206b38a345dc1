"""The audit names the row of a hold, a charge or a check-in that its transfers do not bear out."""

import pytest

from billing.ledger.audit import Steps
from billing.proof.audit import audit
from kernel.clock import FixedClock
from store.database import Database
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.usage import capture, check_in, hold, use

HELD = "what is held equals open top-ups, open holds and open refunds"
HOLD = "a hold took its amount once, and once ended gave all of it on"
ENDED = "a hold ended as its state says, and only a captured one was used"
KEY = "a key's newest day counts what was sent and used"
DAY = "a day's usage is what its records add up to"
DAYS_RECORDS = "a day's usage has each of its records and their tokens"


async def a_life(database: Database, clock: FixedClock) -> FundedAccount:
    """One of each: an open hold, a captured one, a charge, a check-in."""
    account = await open_funded_account(database, clock)
    await use(account, 100, reference="used")
    await hold(account, 1000, reference="open")
    await capture(account, (await hold(account, 1000, reference="done")).hold.id, 400)
    await check_in(account)
    assert await account.findings() == []
    return account


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE holds SET amount_micros = 999 WHERE reference = 'open'", {HELD, HOLD, KEY}),
        (
            "UPDATE holds SET status = 'released' WHERE reference = 'open'",
            {HELD, HOLD, ENDED, KEY},
        ),
        (
            "UPDATE holds SET status = 'held' WHERE reference = 'done'",
            {HELD, HOLD, ENDED, DAY, DAYS_RECORDS, KEY},
        ),
        ("UPDATE holds SET captured_micros = 401 WHERE reference = 'done'", {HOLD, DAY, KEY}),
        ("UPDATE holds SET overage_micros = 7 WHERE reference = 'done'", {HOLD, DAY, KEY}),
        (
            "DELETE FROM holds WHERE reference = 'open'",
            {HELD, KEY, "what was held for usage has its hold"},
        ),
        ("UPDATE usage_records SET amount_micros = 99", {"usage was charged once", DAY, KEY}),
        ("UPDATE usage_records SET input_tokens = 1", {DAYS_RECORDS}),
        ("UPDATE usage_records SET id = 'usg_0'", {"usage was charged once", KEY}),
        ("DELETE FROM usage_records", {"usage was charged once", DAY, DAYS_RECORDS, KEY}),
        ("DELETE FROM usage_days", {DAY, DAYS_RECORDS}),
        (
            "UPDATE checkins SET awarded_micros = 1",
            {"a check-in was awarded once", "a day's check-ins awarded what they add up to"},
        ),
        ("UPDATE checkins SET grant_id = 'grt_0'", {"a check-in was awarded once"}),
    ],
)
@pytest.mark.sampled(2)
async def test_a_row_without_its_transfers_is_found(
    database: Database, clock: FixedClock, change: str, expected: set[str]
) -> None:
    account = await a_life(database, clock)

    await database.transaction(lambda tx: tx.execute(change))

    assert {finding.rule for finding in await account.findings()} == expected
    in_steps = {
        finding.rule
        async for finding in audit(database, whole_up_to=0, steps=Steps(sides=2, transfers=3))
    }
    assert in_steps == expected, "what is found of a small account is found of a large one"
