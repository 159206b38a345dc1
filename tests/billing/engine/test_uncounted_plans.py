"""On a PostgreSQL that has not counted its tables, what is read for a send, a claim and a settle walks indexes.

Tables are counted within a minute of their first rows (autovacuum), and each process keeps the plan that it made of a
statement. Until then PostgreSQL knows the size of the files alone, takes a value for rare, and may go through an index of all
accounts for the sake of a few. Of what only some rows are in (grants with a rest, endpoints that are not deleted,
deliveries that are not done) it takes so few to be there that it goes through such an index; that is not looked at here.
"""

import json
import re
from typing import Any, Final

import pytest

from billing.ledger import ledger
from kernel.clock import FixedClock
from keys.account import tenants_lock
from keys.api_keys import lookup
from store.database import Database, Transaction
from store.statement import POSTGRESQL, translate
from tests.billing.engine.test_query_plans import (
    Recorder,
    Said,
    hot_account,
    nodes,
    statements_of_a_batch,
)
from tests.support.funded_account import FundedAccount
from tests.webhooks.deliveries.test_query_plans import STATEMENTS

pytestmark = [
    pytest.mark.new_database,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
# Of each table, in rows of 2,000 accounts.
SIZES: Final = (600, 6_000)
_COUNT: Final = "WITH n AS (SELECT generate_series(1, {rows}) AS i)"
_SCOPE: Final = "account_id, environment"
_OWN: Final = "'acc_' || i % 2000, 'staging'"
ROWS_OF_MANY: Final = (
    f"""{_COUNT} INSERT INTO accounts (id, name, email, created_at, last_active_at)
        SELECT 'acc_' || i, 'x', 'x' || i || '@example.com', i, i FROM n""",
    f"""{_COUNT} INSERT INTO account_environments ({_SCOPE}, created_at)
        SELECT 'acc_' || i, 'staging', i FROM n""",
    f"""{_COUNT} INSERT INTO api_keys (id, {_SCOPE}, name, lineage, scopes,
            ip_allow_list, prefix, last4, created_at)
        SELECT 'key_' || i, {_OWN}, 'x', '', 'topup:send', '', 'ak', 'last', i FROM n""",
    f"""{_COUNT} INSERT INTO api_key_secrets (digest, key_id, account_id, created_at)
        SELECT 'd' || i, 'key_' || i, 'acc_' || i % 2000, i FROM n""",
    f"""{_COUNT} INSERT INTO topups (id, {_SCOPE}, status, platform, amount_cents,
            recipient_email, reference, metadata, fulfilment, created_at)
        SELECT 'txn_' || i, {_OWN}, 'delivered', 'claude', 100, 'u@example.com', 'old-' || i,
            'none', 'voucher', i FROM n""",
    f"""{_COUNT} INSERT INTO ledger_accounts (id, {_SCOPE}, kind, name,
            balance_micros, created_at, updated_at)
        SELECT 'lac_' || i, {_OWN}, CASE WHEN i <= 2000 THEN 'wallet' ELSE 'recipient' END,
            CASE WHEN i <= 2000 THEN '' ELSE 'claude/' || i END, 1000000, i, i FROM n""",
    f"""{_COUNT} INSERT INTO ledger_accounts (id, {_SCOPE}, kind, name, balance_micros,
            created_at, updated_at)
        SELECT 'lac_g' || i, {_OWN}, 'grant', 'lac_g' || i, 1000000, i, i FROM n""",
    f"""{_COUNT} INSERT INTO transfers (id, {_SCOPE}, debit_id, credit_id,
            amount_micros, code, transaction_id, created_at)
        SELECT 'trf_' || i, {_OWN}, 'lac_0', 'lac_' || i, 1000000, 'topup_send', 'txn_' || i, i
        FROM n""",
    f"""{_COUNT} INSERT INTO events (id, {_SCOPE}, event_no, type, transaction_id, body,
            created_at)
        SELECT 'evt_' || i, {_OWN}, i, 'topup.delivered', 'txn_' || i, '\\x7b7d', i FROM n""",
    f"""{_COUNT} INSERT INTO deliveries (id, event_id, endpoint_id, {_SCOPE},
            event_type, transaction_id, status, attempts_made, created_at, next_attempt_at)
        SELECT 'dlv_' || i, 'evt_' || i, 'we_' || i % 2000, {_OWN}, 'topup.delivered', 'txn_' || i,
            CASE WHEN i % 2 = 0 THEN 'pending' ELSE 'delivered' END, 1, i,
            CASE WHEN i % 2 = 0 THEN i END FROM n""",
    """INSERT INTO endpoints SELECT copy.* FROM generate_series(1, {rows}) AS i, endpoints AS p,
        jsonb_populate_record(p, jsonb_build_object('id', 'we_' || i,
            'account_id', 'acc_' || i % 2000)) AS copy""",
    f"""{_COUNT} INSERT INTO idempotency_keys ({_SCOPE}, digest, fingerprint,
            status, body, created_at)
        SELECT {_OWN}, 'old-' || i, 'f', 200, '\\x7b7d', i FROM n""",
    f"""{_COUNT} INSERT INTO spend_windows (key_id, period, window_start_at,
            account_id, spent_micros)
        SELECT 'key_' || i, 'day', i, 'acc_' || i % 2000, 1 FROM n""",
)
GROWING: Final = set(re.findall(r"INSERT INTO (\w+)", "".join(ROWS_OF_MANY)))
FIRST_COLUMNS: Final = """
    SELECT c.relname::text, pg_get_indexdef(i.indexrelid, 1, true)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indpred IS NULL"""
# As the ledger once read a tenant's wallet: by account and kind, for which PostgreSQL went through
# the index of all accounts' names.
BY_KIND: Final = f"""
    SELECT {ledger._COLUMNS}
    FROM :tenants[account_id text, environment text] AS w
    CROSS JOIN ledger_accounts l
    WHERE l.account_id = w.account_id AND l.environment = w.environment
      AND l.kind = 'wallet' AND l.name = ''"""


async def many_accounts(database: Database, clock: FixedClock, rows: int) -> FundedAccount:
    account = await hot_account(database, clock)

    async def write(tx: Transaction) -> None:
        for text in ROWS_OF_MANY:
            await tx.execute(text.format(rows=rows))
        for table in GROWING:
            await tx.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")

    await database.transaction(write)
    return account


async def hot_reads(account: FundedAccount) -> Said:
    """Statements with values: of a batch of sends and one of cancels, the look at a key, claims and settles."""
    said = await statements_of_a_batch(account)
    lock = tenants_lock([account.principal.tenant])
    assert lock is not None
    said.append((lock.text, dict(lock.values)))

    async def look(tx: Transaction) -> None:
        await lookup.load_principals(Recorder(tx, said), ["d1"], now_us=account.clock.now_us())

    await account.database.read(look)
    return [*said, *STATEMENTS.values()]


async def read_whole(database: Database, text: str, values: dict[str, Any]) -> list[str]:
    """The tables and indexes that the plan for any values goes through from end to end."""

    async def plan(tx: Transaction) -> list[str]:
        statement = translate(text, name=POSTGRESQL)
        marks = ", ".join("NULL" for _ in statement.bind(values))
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.execute(f"PREPARE q AS {statement.text}")
        made = await tx.fetch_one(f"EXPLAIN (FORMAT JSON) EXECUTE q({marks})")
        await tx.execute("DEALLOCATE q")
        assert made is not None
        first_columns = {row[0]: row[1] for row in await tx.fetch(FIRST_COLUMNS)}
        return [
            name
            for node in nodes(json.loads(made[0])[0]["Plan"])
            if (name := _gone_through(node, first_columns))
        ]

    return await database.transaction(plan)


def _gone_through(node: dict[str, Any], first_columns: dict[str, str]) -> str:
    """The table, or the index of all its rows whose first column no condition narrows; else nothing."""
    index = node.get("Index Name")
    if index is None:
        is_whole = node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING
        return str(node["Relation Name"]) if is_whole else ""
    first = first_columns.get(index)
    if first is None or re.search(rf"\b{first}\b", node.get("Index Cond", "")):
        return ""
    return str(index)


@pytest.mark.parametrize("rows", SIZES)
async def test_no_table_that_grows_is_read_whole(
    database: Database, clock: FixedClock, rows: int
) -> None:
    account = await many_accounts(database, clock, rows)

    found = {
        " ".join(text.split()): await read_whole(database, text, values)
        for text, values in await hot_reads(account)
    }

    assert len(found) > 20
    assert {text: tables for text, tables in found.items() if tables} == {}


async def test_a_statement_that_reads_a_table_whole_is_seen(
    database: Database, clock: FixedClock
) -> None:
    account = await many_accounts(database, clock, SIZES[0])

    found = await read_whole(database, BY_KIND, {"tenants": [account.principal.tenant]})
    noted = await read_whole(database, "SELECT id FROM topups WHERE note = :note", {"note": "x"})

    assert (found, noted) == (["ux_ledger_accounts_name"], ["topups"])
