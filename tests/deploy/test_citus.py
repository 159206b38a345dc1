"""The scripts that distribute a database by account (deploy/citus): no table is forgotten, no promise lost, and what
our statements look like to such a database is known.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from kernel.clock import FixedClock
from store.database import Database, Transaction
from store.migrate import migrate
from store.open import open_database
from store.postgresql.servers import KnowingConnection
from store.schema import metadata
from store.statement import POSTGRESQL, translate
from tests.billing.engine.test_query_plans import (
    Recorder,
    Said,
    hot_account,
    statements_of_a_batch,
)
from tests.support.installation import ROOT
from tests.support.postgres_server import create_database, drop_database, on_server
from tests.webhooks.deliveries.test_query_plans import STATEMENTS as WORKER
from webhooks.deliveries import log as delivery_log, retention
from webhooks.events import log as event_log

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
FOLDER = ROOT / "deploy/citus"
# A coordinator on which databases may be made; nothing of ours installs Citus.
CITUS_URL = os.environ.get("TEST_CITUS_URL", "")

# Each unique key without the account in a table that is distributed, and why the account in front of it loses no
# promise: there is no second account whose row could have the same values.
WIDENED = {
    "api_keys_pkey": "an id",
    "approvals_pkey": "an id",
    "attempts_pkey": "a delivery's id",
    "deliveries_pkey": "an id",
    "endpoint_queue_pkey": "an endpoint's id",
    "endpoints_pkey": "an id",
    "events_pkey": "an id",
    "expiry_notices_pkey": "a ledger account's id",
    "fulfilment_attempts_pkey": "a top-up's id",
    "holds_pkey": "an id",
    "ledger_accounts_pkey": "an id",
    "mails_pkey": "an id",
    "notices_pkey": "an id",
    "replays_pkey": "an id",
    "request_log_pkey": "an id",
    "spend_windows_pkey": "a key's id",
    "supplier_words_pkey": "a top-up's id",
    "topup_reversals_pkey": "a top-up's id",
    "topups_pkey": "an id",
    "transfers_pkey": "an id",
    "usage_records_pkey": "an id",
    "ux_approvals_transaction": "a top-up's id",
    "ux_deliveries_job": "a replay's id",
    "ux_notices_stage": "an endpoint's id",
    "voucher_redemptions_pkey": "a top-up's id",
}


# The statements of the main paths that do not say whose rows they mean, and in which tables: each of their shards is
# asked. A new one is written with its account, or is added here.
OVER_ALL_SHARDS = {
    # Whoever claims and settles: endpoints in the order of their turns, whoever has them; deliveries by their ids.
    "worker: scan": {"deliveries", "endpoint_queue"},
    "worker: claim": {"deliveries", "endpoints", "events"},
    "worker: claim at once": {"deliveries", "events"},
    "worker: claim of an ordered one": {"deliveries", "endpoint_queue", "endpoints", "events"},
    "worker: settle": {"deliveries"},
    "worker: settle what arrived": {"deliveries", "endpoints"},
    "worker: look at an object": {"deliveries", "endpoint_queue"},
    "worker: put off": {"deliveries", "endpoint_queue"},
    "worker: next of an object": {"deliveries", "endpoints"},
    "worker: let go": {"deliveries", "endpoints"},
    # A batch, under the locks of its accounts: rows that it knows by their ids.
    "SELECT topups": {"topups"},
    "SELECT transfers": {"transfers"},
    "SELECT approvals": {"approvals"},
    "SELECT spend_windows": {"api_keys", "spend_windows"},
    "UPDATE ledger_accounts": {"ledger_accounts"},
    "UPDATE spend_windows": {"spend_windows"},
    "UPDATE topups": {"topups"},
    # Also a page of deliveries: its subqueries for what is waited for.
    "SELECT endpoints": {"deliveries", "endpoint_queue", "endpoints"},
    "SELECT deliveries": {"deliveries"},
}
# What Citus 13.2 says to each of them that it refuses, with plans made for the values at hand.
_JOIN = (
    "complex joins are only supported when all distributed tables are co-located"
    " and joined on their distribution columns"
)
_LOCK = "could not run distributed query with FOR UPDATE/SHARE commands"
REFUSED = {
    "SELECT account_environments FOR NO KEY UPDATE": {_LOCK},
    "SELECT endpoints": {_JOIN},
    "SELECT spend_windows": {_JOIN},
    "worker: scan": {_JOIN},
    "worker: claim": {_LOCK},
    "worker: claim at once": {_LOCK},
    "worker: claim of an ordered one": {_LOCK},
    # By what it says of the claims; not run on Citus yet.
    "worker: settle what arrived": {_LOCK},
    "worker: look at an object": {_JOIN},
    "worker: put off": {_LOCK},
    "worker: next of an object": {
        "correlated subqueries are not supported when the FROM clause contains a set returning function"
    },
    "worker: let go": {_JOIN},
}


def places() -> dict[str, str]:
    text = (FOLDER / "places.sql").read_text(encoding="utf-8")
    return dict(re.findall(r"^\('(\w+)', '(\w+)'\)", text, re.MULTILINE))


DISTRIBUTED = {name for name, kind in places().items() if kind == "distributed"}


def test_each_table_has_one_place() -> None:
    text = (FOLDER / "places.sql").read_text(encoding="utf-8")
    names = re.findall(r"^\('(\w+)', '\w+'\)", text, re.MULTILINE)

    assert sorted(names) == sorted({*metadata.tables, "alembic_version"})
    assert set(places().values()) == {"distributed", "reference", "whole"}
    for name in DISTRIBUTED:
        assert metadata.tables[name].c.account_id.nullable is False, name


def test_the_account_in_front_of_a_key_loses_no_promise() -> None:
    found = set()
    for name in DISTRIBUTED:
        table = metadata.tables[name]
        keys = {str(one.name): list(one.columns) for one in table.indexes if one.unique}
        keys[f"{name}_pkey"] = list(table.primary_key.columns)
        found |= {key for key, columns in keys.items() if table.c.account_id not in columns}

    assert found == set(WIDENED)


def run(script: str, url: str, **variables: str) -> None:
    words = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *words, "-f", str(FOLDER / script), url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@on_postgresql
@pytest.mark.new_database
async def test_keys_change_beside_the_code_and_all_of_them_where_that_was_asked(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    account = await hot_account(database, clock)
    await account.send(100)

    # A second run finds nothing left to do.
    for _ in range(2):
        run("keys.sql", database_url)
    await account.send(100)
    some = await keys_without_account(database_url)
    run("keys.sql", database_url, all="1")

    assert some == ["endpoint_queue_pkey", "notices_pkey", "spend_windows_pkey", "ux_notices_stage"]
    assert await keys_without_account(database_url) == []
    assert (await account.balance())["balance_cents"] == 1_000_000 - 200


async def keys_without_account(url: str) -> list[str]:
    """The unique keys of distributed tables that a distributed database would refuse."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            """SELECT k.relname::text FROM pg_index i
               JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class k ON k.oid = i.indexrelid
               WHERE i.indisunique AND c.relname = ANY($1::text[]) AND NOT EXISTS (
                   SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                     AND a.attname = 'account_id' AND a.attnum = ANY(i.indkey::int2[]))
               ORDER BY 1""",
            sorted(DISTRIBUTED),
        )
    finally:
        await connection.close()
    return [row[0] for row in rows]


async def statements(database: Database, clock: FixedClock) -> dict[str, Said]:
    """What a batch of sends and of cancels asks, a page of deliveries, a poll, a step of pruning and a worker, by name."""
    account = await hot_account(database, clock)
    said = await statements_of_a_batch(account)
    tenant = account.principal.tenant

    async def more(tx: Transaction) -> None:
        noted = Recorder(tx, said)
        await delivery_log.list_deliveries(noted, tenant)
        await event_log.newest_cursor(noted, tenant)
        before_us = clock.now_us() + 1
        first = retention.FIRST_PLACE
        await retention.prune_deliveries(noted, tenant, before_us=before_us, after=first)
        await retention.prune_events(noted, tenant, before_us=before_us, after_no=0)

    await database.transaction(more)
    named = [(f"worker: {name}", one) for name, one in WORKER.items()]
    named += [(name_of(text), (text, values)) for text, values in said]
    found: dict[str, Said] = {}
    for name, one in named:
        found.setdefault(name, []).append(one)
    return found


def name_of(text: str) -> str:
    """As "SELECT topups FOR NO KEY UPDATE": its verb, the last of the tables in its own FROM, and whether it locks."""
    table = re.findall(r"\b(?:FROM|JOIN|UPDATE)\s+(\w+)", text)[0]
    lock = " FOR NO KEY UPDATE" if "FOR NO KEY UPDATE" in text else ""
    return f"{text.split(maxsplit=1)[0]} {table}{lock}"


def unnamed(text: str) -> set[str]:
    """The distributed tables that a statement asks without saying whose rows it means."""
    if re.search(r"(?<![\w.])account_id\s*(=|IN\b)", text):
        return set()
    found = set()
    asked = r"\b(?:FROM|JOIN|UPDATE)\s+(\w+)(?:\s+(?!SET|WHERE)(\w+))?"
    for table, alias in re.findall(asked, text):
        compared = (
            rf"\b({alias or table}|{table})\.account_id\s*=|=\s*{alias or table}\.account_id\b"
        )
        if table in DISTRIBUTED and not re.search(compared, text):
            found.add(table)
    return found


@on_postgresql
async def test_which_statements_do_not_say_whose_rows_they_mean_is_known(
    database: Database, clock: FixedClock
) -> None:
    asked = await statements(database, clock)
    found = {
        name: set[str]().union(*(unnamed(one[0]) for one in said)) for name, said in asked.items()
    }

    assert {name: tables for name, tables in found.items() if tables} == OVER_ALL_SHARDS


@pytest.fixture
def citus_url() -> Iterator[str]:
    """A migrated database that may be distributed."""
    name = f"topup_citus_{os.getpid()}"
    url = create_database(CITUS_URL, name)
    on_server(url, "CREATE EXTENSION citus")
    # Each shard is a table: a few are made and dropped sooner than the 32 of the default.
    on_server(url, f"ALTER DATABASE {name} SET citus.shard_count = 4")
    migrate(url)
    yield url
    drop_database(CITUS_URL, name)


@pytest.mark.skipif(not CITUS_URL, reason="TEST_CITUS_URL names no Citus")
@on_postgresql
async def test_what_citus_says_to_each_statement_is_known(
    database: Database, clock: FixedClock, citus_url: str
) -> None:
    asked = await statements(database, clock)
    filled = open_database(citus_url)
    account = await hot_account(filled, clock)
    await account.send(100)
    await account.engine.close()
    await filled.close()
    run("keys.sql", citus_url, all="1")
    run("distribute.sql", citus_url)
    connection = await asyncpg.connect(citus_url, connection_class=KnowingConnection)
    try:
        kept = await connection.fetchval("SELECT COUNT(*) FROM topups")
        placed = await connection.fetch(
            "SELECT table_name::text, citus_table_type FROM citus_tables"
        )
        refused = {name: await answers(connection, said) for name, said in asked.items()}
    finally:
        await connection.close()

    assert dict(map(tuple, placed)) == {
        name: kind for name, kind in places().items() if kind != "whole"
    }
    assert kept == 1
    assert {name: said for name, said in refused.items() if said} == REFUSED


async def answers(connection: Any, said: Said) -> set[str]:
    """What was said to those that were refused; nothing is kept."""
    found = set()
    for text, values in said:
        statement = translate(text, name=POSTGRESQL)
        kept = connection.transaction()
        await kept.start()
        try:
            await connection.fetch(statement.text, *statement.bind(values))
        except asyncpg.PostgresError as error:
            found.add(str(error).partition("\n")[0])
        await kept.rollback()
    return found
