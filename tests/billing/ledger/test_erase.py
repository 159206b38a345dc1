"""An erased account leaves nothing behind, and its neighbours untouched."""

import re
from typing import Any, cast

from billing.ledger.rule import Finding
from billing.payments.recharging.customer_deletion import due_customers, list_forgotten
from billing.proof.audit import audit
from kernel.clock import FixedClock
from store.database import Database, T, Transaction, Work
from store.erase import STEPS, erase_account
from store.schema import metadata
from tests.support.funded_account import open_funded_account
from tests.support.usage import capture, check_in, hold, use
from worker.chores import erase_idle


def test_every_table_that_is_erased_says_whose_its_rows_are() -> None:
    # A table whose rows are found by another's is told by that one.
    named = {name for table, _, how in STEPS for name in re.findall(r"FROM (\w+)", how) or [table]}

    assert [name for name in sorted(named) if "account_id" not in metadata.tables[name].c] == []


async def test_erased_account_leaves_no_row_and_others_keep_theirs(
    database: Database, clock: FixedClock
) -> None:
    doomed = await open_funded_account(database, clock)
    kept = await open_funded_account(database, clock, email="kept@example.com")
    for account in (doomed, kept):
        await account.send(1000, key="order-1")
        asked = await account.send(1000, to="approval@sandbox.test")
        await account.cancel(asked.topup.id)
        await use(account, 10)
        await capture(account, (await hold(account, 1_000_000)).hold.id, 9_990)
        await check_in(account)

    async def rows_of(tx: Transaction) -> dict[str, int]:
        found = {}
        for table in metadata.tables.values():
            column = "id" if table.name == "accounts" else "account_id"
            if column in table.c:
                row = await tx.fetch_one(
                    f"SELECT COUNT(*) AS n FROM {table.name} WHERE {column} = :id",
                    id=doomed.account_id,
                )
                found[table.name] = row["n"] if row is not None else 0
        return found

    named = [
        (doomed.account_id, "staging", "stripe", "cus_1", 1),
        (kept.account_id, "staging", "stripe", "cus_2", 1),
    ]
    columns = ("account_id", "environment", "provider", "customer_ref", "updated_at")
    await database.transaction(lambda tx: tx.insert("provider_customers", columns, named))

    before = await database.read(rows_of)
    await erase_account(database, doomed.account_id, now_us=1)

    assert before["topups"] == 2
    assert before["idempotency_keys"] == 1
    assert set((await database.read(rows_of)).values()) == {0}
    left = await database.read(list_forgotten)
    assert [(one.customer_ref, one.next_attempt_at) for one in left] == [("cus_1", 1)]
    # $10.00 were sent, one cent was used, ten cents were awarded.
    assert (await kept.balance())["balance_cents"] == 999_009
    assert await kept.findings() == []


class AuditedBetween:
    """The database of who erases; after each of its transactions that deleted something the ledger is audited."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.audits = 0
        self.found: list[Finding] = []

    async def transaction(self, work: Work[T], **options: Any) -> T:
        done = await self._database.transaction(work, **options)
        if done:
            self.audits += 1
            self.found += [one async for one in audit(self._database)]
        return done


async def test_what_is_left_between_the_steps_is_no_finding(
    database: Database, clock: FixedClock
) -> None:
    doomed = await open_funded_account(database, clock)
    await doomed.send(1000)
    await use(doomed, 10)
    await hold(doomed, 1_000_000)
    await check_in(doomed)
    await execute(database, "UPDATE accounts SET is_sandbox = 1")
    beside = AuditedBetween(database)

    clock.advance_s(1)
    await erase_account(cast(Database, beside), doomed.account_id, now_us=clock.now_us())

    assert beside.found == []
    # Of each table that had rows.
    assert beside.audits > 10


class UsedAfterLook:
    """The database of who looks for idle accounts; each is used as soon as it was found."""

    def __init__(self, database: Database, statement: str) -> None:
        self._database = database
        self._statement = statement

    async def read(self, work: Work[T]) -> T:
        found = await self._database.read(work)
        await execute(self._database, self._statement)
        return found

    async def transaction(self, work: Work[T], **options: Any) -> T:
        return await self._database.transaction(work, **options)


async def test_an_account_that_is_used_after_it_was_found_idle_keeps_all(
    database: Database, clock: FixedClock
) -> None:
    used = await open_funded_account(database, clock)
    sent = await used.send(1000, to="approval@sandbox.test")
    await execute(database, "UPDATE accounts SET is_sandbox = 1")
    begun_us = clock.now_us()
    clock.advance_s(9 * 86_400)
    now_us = clock.now_us()

    for meanwhile in (f"SET last_active_at = {now_us}", "SET is_sandbox = 0"):
        beside = UsedAfterLook(database, f"UPDATE accounts {meanwhile}")
        await erase_idle(cast(Database, beside), clock)
        await execute(database, f"UPDATE accounts SET is_sandbox = 1, last_active_at = {begun_us}")
        marked = await database.read(lambda tx: tx.fetch("SELECT erasing_at FROM accounts"))
        assert [row["erasing_at"] for row in marked] == [None]
    await used.cancel(sent.topup.id)
    assert (await used.balance())["balance_cents"] == 1_000_000
    await erase_idle(database, clock)

    assert await database.read(lambda tx: tx.fetch("SELECT id FROM accounts")) == []


async def test_a_mark_hides_nothing_of_live(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    await account.send(1000)
    await execute(database, "UPDATE accounts SET is_sandbox = 1, erasing_at = last_active_at + 1")
    # Balances that no transfer of live made.
    await execute(database, "UPDATE ledger_accounts SET environment = 'live'")

    assert [one async for one in audit(database, "live")] != []


async def test_a_mark_hides_nothing_of_an_account_in_use(
    database: Database, clock: FixedClock
) -> None:
    await open_funded_account(database, clock)
    await execute(database, "DELETE FROM transfers")
    marked = "UPDATE accounts SET is_sandbox = 1, erasing_at = last_active_at + 1"
    # The erasure failed or was cut off: then somebody used the account. By hand: any other.
    used = "UPDATE accounts SET last_active_at = erasing_at"
    no_sandbox = "UPDATE accounts SET is_sandbox = 0"

    found = []
    for statement in (marked, used, marked, no_sandbox):
        await execute(database, statement)
        found.append([one async for one in audit(database)] != [])

    assert found == [False, True, False, True]


async def execute(database: Database, statement: str) -> None:
    await database.transaction(lambda tx: tx.execute(statement))


async def test_a_provider_that_is_away_keeps_no_customer_of_another_waiting(
    database: Database,
) -> None:
    columns = ("provider", "environment", "customer_ref", "next_attempt_at", "created_at")
    rows = [("stripe", "staging", f"cus_{number}", number, 1) for number in range(1, 6)]
    rows += [("stripe", "live", "cus_6", 6, 1), ("creem", "live", "cust_7", 8, 1)]
    await database.transaction(lambda tx: tx.insert("forgotten_customers", columns, rows))

    due = await database.read(lambda tx: due_customers(tx, now_us=7, limit=2))

    assert [one.customer_ref for one in due] == ["cus_1", "cus_2", "cus_6"]
