"""What a charge, a hold and the worker's look read stays a few probes, however long the history is."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from billing.credits import grant
from billing.engine.engine import Engine
from billing.topups import approval
from billing.usage import hold as holds
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.open import open_database
from store.sqlite.database import SqliteDatabase
from tests.billing.documents.test_numbering_plans import plans
from tests.billing.engine.test_query_plans import Recorder, Recording, Said, faults_of, hot_account
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.usage import capture, hold, sweep, use

pytestmark = pytest.mark.new_database
ROWS = 50_000
BATCH = 20
_COUNT = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
_OWN = "'{account}', 'staging'"
HISTORY = (
    f"""{_COUNT} INSERT INTO usage_records (id, account_id, environment, amount_micros, description,
            reference, created_at)
        SELECT 'usg_0' || (1000000 + i), {_OWN}, 5, 'x', 'old-' || i, i FROM n""",
    f"""{_COUNT} INSERT INTO holds (id, account_id, environment, status, amount_micros, description,
            reference, sources, created_at, expires_at)
        SELECT 'hld_0' || (1000000 + i), {_OWN}, 'released', 5, 'x', 'old-' || i, '[]', i, i
        FROM n""",
)


@pytest.fixture
async def on_sqlite(
    sqlite_template: Path, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[FundedAccount]:
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    database = open_database(f"sqlite:///{tmp_path}/topup.db")
    yield await open_funded_account(database, clock)
    await database.close()


async def write_history(account: FundedAccount) -> None:
    async def work(tx: Transaction) -> None:
        for text in HISTORY:
            await tx.execute(text.format(account=account.account_id))

    await account.database.transaction(work)


async def statements(account: FundedAccount) -> Said:
    """Each text of batches of charges, holds, captures and expiries."""
    recording, name = Recording(account.database), account.clock.now_us()
    account.engine = Engine(recording, account.clock, account.engine.rules)
    await asyncio.gather(*(use(account, 5, reference=f"u{name}-{i}") for i in range(BATCH)))
    reserved = [hold(account, 5, reference=f"h{name}-{i}", ttl_s=1 + i % 2) for i in range(BATCH)]
    held = await asyncio.gather(*reserved)
    await asyncio.gather(*(capture(account, one.hold.id, 2) for one in held[::2]))
    account.clock.advance_s(2)
    await sweep(account)
    await account.engine.close()
    return list({text: (text, values) for text, values in recording.said}.values())


async def looks(account: FundedAccount) -> Said:
    """What the worker asks to find what ran out."""
    said: Said = []

    async def work(tx: Transaction) -> None:
        recorder, now_us = Recorder(tx, said), account.clock.now_us()
        await holds.due(recorder, now_us=now_us, limit=100)
        await holds.next_due_at(recorder)
        await grant.tenants_with_expired(recorder, now_us=now_us, limit=100)
        await approval.expired(recorder, now_us=now_us, limit=100)

    await account.database.read(work)
    return said


async def faults(account: FundedAccount) -> dict[str, list[str]]:
    found = {
        " ".join(text.split()): await faults_of(account.database, text, values)
        for text, values in await statements(account)
    }
    return {text: wrong for text, wrong in found.items() if wrong}


async def test_a_long_history_of_usage_is_never_read(database: Database, clock: FixedClock) -> None:
    account = await hot_account(database, clock)
    await write_history(account)

    assert await faults(account) == {}

    if not isinstance(database, SqliteDatabase):
        await database.transaction(lambda tx: tx.execute("ANALYZE"))
        clock.advance_s(1)
        assert await faults(account) == {}


async def test_what_is_open_is_listed_without_what_ended(
    on_sqlite: FundedAccount, clock: FixedClock
) -> None:
    account, database = on_sqlite, on_sqlite.database
    tenant = Tenant(account.account_id, "staging")
    held = [(await hold(account, 5, reference=f"open-{number}")).hold for number in range(3)]
    said: Said = []

    async def pages(tx: Transaction) -> list[str]:
        listed, before_id = [], None
        for _ in range(2):
            found = await holds.page(
                Recorder(tx, said), tenant, open_at=clock.now_us(), before_id=before_id, limit=2
            )
            listed += [one.id for one in found]
            before_id = listed[-1]
        return listed

    listed = await database.read(pages)
    await database.read(
        lambda tx: approval.page(
            Recorder(tx, said),
            tenant,
            status="pending",
            before_id=None,
            limit=2,
            now_us=clock.now_us(),
        )
    )
    used = [re.findall(r"INDEX (\w+)", plan) for plan in await plans(database, said)]

    assert listed == [one.id for one in reversed(held)]
    assert used[:2] == [["ix_holds_open"], ["ix_holds_open"]]
    assert used[-1] == ["ix_approvals_pending"]


async def test_the_worker_finds_what_ran_out_by_indexes_of_open_rows(
    on_sqlite: FundedAccount,
) -> None:
    used = []
    for plan in await plans(on_sqlite.database, await looks(on_sqlite)):
        assert set(re.findall(r"SCAN (\w+)$", plan, re.MULTILINE)) <= {"d", "plain"}, plan
        used.append(re.findall(r"INDEX ([a-z]\w+)", plan))

    # Of all tenants by time; of those whose clock was advanced, by their own.
    ahead = "ix_account_environments_ahead"
    assert used == [
        ["ix_holds_due", ahead, "ix_holds_open"],
        ["ix_holds_due", ahead, "ix_holds_open"],
        ["ix_ledger_accounts_expiry", ahead, "ux_ledger_accounts_name"],
        ["ix_approvals_due", ahead, "ix_approvals_pending"],
    ]
