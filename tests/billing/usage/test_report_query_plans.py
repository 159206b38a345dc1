"""What lists and sums of usage read stays some index entries, however many records there are."""

import re
from typing import Any

import pytest

from billing.reports.usage_report import UsageWanted, usage_lines, usage_sums
from billing.usage.usage_day import next_tenant
from kernel.clock import DAY_US, FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.sqlite.database import SqliteDatabase
from store.statement import POSTGRESQL, translate
from tests.billing.engine.test_query_plans import Recorder, Said
from tests.support.funded_account import FundedAccount, open_funded_account

pytestmark = pytest.mark.new_database
ROWS = 50_000
# Reading all records of the account takes more than a thousand.
PAGES_MAX = 200
_COUNT = f"WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
# Over 50 days, in one model and key; one record of a rare model in the middle of them.
HISTORY = (
    f"""{_COUNT} INSERT INTO usage_records (id, account_id, environment, amount_micros, description,
            model, key_id, created_at, counted_day)
        SELECT 'usg_0' || (1000000 + i), '{{account}}', 'staging', 5, 'x',
            CASE WHEN i = 25500 THEN 'rare' ELSE 'usual' END, 'key_1', i * 86400000,
            i * 86400000 - i * 86400000 % 86400000000 FROM n""",
    """INSERT INTO usage_days (account_id, environment, day_start_at, key_id, app_id, model, records,
            amount_micros, input_tokens, output_tokens, cached_tokens)
        SELECT account_id, environment, counted_day, key_id, '', model, COUNT(*),
            SUM(amount_micros), 0, 0, 0
        FROM usage_records GROUP BY account_id, environment, counted_day, key_id, model""",
)
EVERY = UsageWanted(since=0, until=60 * DAY_US)
# A partial index without entries may be looked through.
_WHOLE = re.compile(
    r"SCAN (usage_records|usage_days|holds|oauth_charges)\b(?! USING .*INDEX ix_\w+_uncounted)"
).match


async def asked(account: FundedAccount) -> Said:
    said: Said = []
    tenant = account.principal.tenant

    async def work(tx: Transaction) -> None:
        seen = Recorder(tx, said)
        for wanted in (
            UsageWanted(),
            UsageWanted(since=20 * DAY_US, until=21 * DAY_US),
            UsageWanted(model="rare"),
            UsageWanted(key_id="key_1"),
        ):
            lines = await usage_lines(seen, tenant, wanted, limit=50)
            assert lines
            await usage_lines(seen, tenant, wanted, after=lines[-1].place, limit=50)
        for by in (None, "day", "model", "key"):
            assert await usage_sums(seen, tenant, EVERY, by)
        assert await next_tenant(seen, Tenant("", "")) is None

    await account.database.read(work)
    return said


async def pages_of(database: Database, text: str, values: dict[str, Any]) -> int:
    async def work(tx: Transaction) -> int:
        found = await tx.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {text}", **values)
        first = next(row[0] for row in found if "Buffers: shared" in row[0])
        return sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", first))

    translate(text, name=POSTGRESQL)
    return await database.read(work)


async def scans_of(database: Database, text: str, values: dict[str, Any]) -> list[str]:
    rows = await database.read(lambda tx: tx.fetch(f"EXPLAIN QUERY PLAN {text}", **values))
    return [row["detail"] for row in rows if _WHOLE(row["detail"])]


async def test_a_long_history_is_read_in_small_parts(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)

    async def write(tx: Transaction) -> None:
        for text in HISTORY:
            await tx.execute(text.format(account=account.account_id))

    await database.transaction(write)
    said = await asked(account)

    if isinstance(database, SqliteDatabase):
        scans = [await scans_of(database, text, values) for text, values in said]
        assert [one for one in scans if one] == []
        return
    await database.transaction(lambda tx: tx.execute("ANALYZE"))
    pages = {text: await pages_of(database, text, values) for text, values in said}
    assert max(pages.values()) <= PAGES_MAX, {t: n for t, n in pages.items() if n > PAGES_MAX}
