"""What a batch of sends reads stays a few probes, however long the account's history is.

An account with thirty thousand rows in each long table; the plan of every statement of a batch
is asked for, the way the database makes it in production: SQLite without statistics; PostgreSQL
without and with them, for the values at hand and as the one plan that it keeps for all values.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from billing.engine.engine import Engine
from kernel.clock import FixedClock
from keys.vault import Vault
from store.database import BatchRead, Database, Row, Transaction, Work
from store.sqlite.database import SqliteDatabase
from store.statement import POSTGRESQL, translate
from tests.support.funded_account import FundedAccount, open_funded_account
from webhooks.endpoints.endpoint import register
from webhooks.endpoints.fields import NewEndpoint

pytestmark = pytest.mark.new_database
ROWS = 30_000
BATCH = 20
# Of one statement, which reads 104 at most; reading 30,000 index entries of one account takes more than 200.
PAGES_MAX = 180
# Indexes by which one finds all that an account ever did.
ACCOUNT_WIDE = {
    "ix_topups_account",
    "ix_ledger_accounts_recipients",
    "ix_transfers_account",
    "ix_deliveries_account",
    "ux_events_no",
}
# Within an account these hold few rows, whatever it did: grants with a rest, endpoints, the lock.
SHORT = {"ix_ledger_accounts_grants", "ix_endpoints_account"}

_COUNT = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
_SCOPE = "account_id, environment"
_OWN = "'{account}', 'staging'"
HISTORY = (
    f"""{_COUNT} INSERT INTO topups (id, {_SCOPE}, status, platform, amount_cents, recipient_email,
            reference, metadata, fulfilment, created_at)
        SELECT 'txn_0' || (1000000 + i), {_OWN}, 'delivered', 'claude', 100, 'u@example.com',
            'old-' || i, '{{{{}}}}', 'voucher', i FROM n""",
    f"""{_COUNT} INSERT INTO ledger_accounts (id, {_SCOPE}, kind, name, balance_micros, created_at,
            updated_at)
        SELECT 'lac_0' || (1000000 + i), {_OWN}, 'recipient', 'claude/old' || i || '@example.com',
            1000000, i, i FROM n""",
    f"""{_COUNT} INSERT INTO transfers (id, {_SCOPE}, debit_id, credit_id, amount_micros, code,
            transaction_id, created_at)
        SELECT 'trf_0' || (1000000 + i), {_OWN}, 'lac_1', 'lac_0' || (1000000 + i), 1000000,
            'topup_send', 'txn_0' || (1000000 + i), i FROM n""",
    f"""{_COUNT} INSERT INTO events (id, {_SCOPE}, event_no, type, transaction_id, body, created_at)
        SELECT 'evt_0' || (1000000 + i), {_OWN}, -i, 'topup.delivered', 'txn_0' || (1000000 + i),
            :body, i FROM n""",
    f"""{_COUNT} INSERT INTO deliveries (id, event_id, endpoint_id, {_SCOPE}, event_type,
            transaction_id, status, attempts_made, created_at)
        SELECT 'dlv_0' || (1000000 + i), 'evt_0' || (1000000 + i), 'end_1', {_OWN},
            'topup.delivered', 'txn_0' || (1000000 + i), 'delivered', 1, i FROM n""",
    f"""{_COUNT} INSERT INTO idempotency_keys ({_SCOPE}, digest, fingerprint, status, body,
            created_at)
        SELECT {_OWN}, 'old-' || i, 'f', 200, :body, i FROM n""",
    f"""{_COUNT} INSERT INTO spend_windows (key_id, period, window_start_at, account_id,
            spent_micros)
        SELECT 'key_0' || (i % 100), 'day', i, '{{account}}', 1 FROM n""",
)


Said = list[tuple[str, dict[str, Any]]]


class Recorder:
    """A transaction that notes what it is asked."""

    def __init__(self, tx: Transaction, said: Said, pauses: list[None] | None = None) -> None:
        self._tx = tx
        self._said = said
        self._pauses: list[None] = [] if pauses is None else pauses

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        self._said.append((text, values))
        return await self._tx.fetch(text, **values)

    async def fetch_one(self, text: str, **values: Any) -> Row | None:
        self._said.append((text, values))
        return await self._tx.fetch_one(text, **values)

    async def fetch_many(self, readings: Sequence[BatchRead]) -> None:
        self._said += [(one.text, dict(one.values)) for one in readings if one.text]
        await self._tx.fetch_many(readings)

    async def execute(self, text: str, **values: Any) -> int:
        self._said.append((text, values))
        return await self._tx.execute(text, **values)

    async def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> int:
        return await self._tx.insert(table, columns, rows, on_conflict)

    async def insert_deferred(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        await self._tx.insert_deferred(table, columns, rows, on_conflict)

    async def execute_deferred(self, text: str, *, touching: int | None, **values: Any) -> None:
        self._said.append((text, values))
        await self._tx.execute_deferred(text, touching=touching, **values)

    async def update_and_insert(
        self,
        update: str,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        /,
        **values: Any,
    ) -> frozenset[str]:
        self._said.append((update, values))
        return await self._tx.update_and_insert(update, table, columns, rows, **values)

    async def pause(self) -> None:
        self._pauses.append(None)
        await self._tx.pause()

    def hint(self, name: str) -> None:
        self._tx.hint(name)


class Recording:
    """A database whose transactions are noted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.said: Said = []
        self.pauses: list[None] = []
        self.statements_run = 0

    async def transaction(self, work: Work[Any], **options: Any) -> Any:
        return await self._database.transaction(
            lambda tx: work(Recorder(tx, self.said, self.pauses)), **options
        )

    async def autocommit(self, work: Work[Any]) -> Any:
        return await self._database.autocommit(work)

    async def read(self, work: Work[Any], *, is_single: bool = False) -> Any:
        return await self._database.read(work, is_single=is_single)

    async def close(self) -> None:
        await self._database.close()


async def hot_account(database: Database, clock: FixedClock) -> FundedAccount:
    account = await open_funded_account(database, clock, per_day_cents=10**9)

    async def endpoint(tx: Transaction) -> None:
        new = NewEndpoint(
            url="https://hooks.example.com/in",
            events=(),
            retry_schedule_s=(0, 5, 30),
            rate_limit_per_s=None,
        )
        tenant, vault = account.principal.tenant, Vault([b"k" * 32])
        await register(tx, vault, tenant=tenant, new=new, is_sandbox=False, now_us=clock.now_us())

    await database.transaction(endpoint)
    return account


async def write_history(account: FundedAccount) -> None:
    async def work(tx: Transaction) -> None:
        for text in HISTORY:
            values = {"body": b"{}"} if ":body" in text else {}
            await tx.execute(text.format(account=account.account_id), **values)

    await account.database.transaction(work)


async def statements_of_a_batch(account: FundedAccount) -> Said:
    """Each text of a batch of sends and of one of cancels, with values of that batch."""
    recording, now_us = Recording(account.database), account.clock.now_us()
    account.engine = Engine(recording, account.clock, account.engine.rules)
    sends = [
        account.send(100, key=f"k{i}-{now_us}", reference=f"r{i}-{now_us}", to=f"u{i}@example.com")
        for i in range(BATCH)
    ]
    await asyncio.gather(*sends)
    held = [account.send(100, platform="slow", to=f"u{i}@example.com") for i in range(BATCH)]
    sent = await asyncio.gather(*held)
    await asyncio.gather(*(account.cancel(one.topup.id) for one in sent))
    await account.engine.close()
    assert len(recording.said) > 20
    return list({text: (text, values) for text, values in recording.said}.values())


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def faults_of_plan(explained: str) -> list[str]:
    """What is wrong with a plan of PostgreSQL, in its own words."""
    plan = json.loads(explained)[0]["Plan"]
    faults = []
    for node in nodes(plan):
        kind, index = node["Node Type"], node.get("Index Name", "")
        is_scan = kind == "Seq Scan" or index in ACCOUNT_WIDE
        if is_scan or kind in {"Hash Join", "Merge Join"}:
            faults.append(f"{kind} {node.get('Relation Name', '')} {index}".strip())
    pages = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    return faults if pages <= PAGES_MAX else [*faults, f"{pages} pages"]


async def faults_of_server(database: Database, text: str, values: dict[str, Any]) -> list[str]:
    found: list[str] = []

    async def work(tx: Transaction) -> None:
        statement = translate(text, name=POSTGRESQL)
        marks = ", ".join("NULL" for _ in statement.bind(values))
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.execute(f"PREPARE q AS {statement.text}")
        kept = await tx.fetch_one(f"EXPLAIN (FORMAT JSON) EXECUTE q({marks})")
        await tx.execute("DEALLOCATE q")
        # Writes are planned only: on these books they have happened already.
        options = "ANALYZE, BUFFERS, FORMAT JSON" if "UPDATE" not in text else "FORMAT JSON"
        made = await tx.fetch_one(f"EXPLAIN ({options}) {text}", **values)
        assert kept is not None
        assert made is not None
        found.extend(f"kept plan: {fault}" for fault in faults_of_plan(kept[0]))
        found.extend(f"plan: {fault}" for fault in faults_of_plan(made[0]))

    await database.transaction(work)
    return found


async def faults_of_file(database: Database, text: str, values: dict[str, Any]) -> list[str]:
    rows = await database.read(lambda tx: tx.fetch(f"EXPLAIN QUERY PLAN {text}", **values))
    lists = set(re.findall(r"\] AS (\w+)", text)) | {"json_each"}
    faults = []
    for row in rows:
        detail = row["detail"]
        scanned = re.match(r"SCAN (\w+)", detail)
        by_index = re.match(r"SEARCH \w+ USING (.*?)(?: \((.*)\))?(?: LEFT-JOIN)?$", detail)
        if scanned and scanned[1] not in lists and detail != "SCAN CONSTANT ROW":
            faults.append(detail)
        if by_index and not SHORT & set(by_index[1].split()):
            columns = set(re.findall(r"(\w+)[=<>]", by_index[2] or ""))
            is_lock = re.search(r"\baccount_environments\b", text) is not None
            if "AUTOMATIC" in by_index[1] or (
                columns <= {"account_id", "environment"} and not is_lock
            ):
                faults.append(detail)
    return faults


async def faults_of(database: Database, text: str, values: dict[str, Any]) -> list[str]:
    look = faults_of_file if isinstance(database, SqliteDatabase) else faults_of_server
    return await look(database, text, values)


async def faults(account: FundedAccount) -> dict[str, list[str]]:
    """Statement -> what is wrong with its plans; statements without a fault are left out."""
    found = {
        " ".join(text.split()): await faults_of(account.database, text, values)
        for text, values in await statements_of_a_batch(account)
    }
    return {text: wrong for text, wrong in found.items() if wrong}


async def test_plans_made_on_a_new_database_may_be_kept(
    database: Database, clock: FixedClock
) -> None:
    account = await hot_account(database, clock)

    assert await faults(account) == {}


@pytest.mark.long
async def test_a_long_history_is_never_read(database: Database, clock: FixedClock) -> None:
    account = await hot_account(database, clock)
    await write_history(account)

    assert await faults(account) == {}

    if not isinstance(database, SqliteDatabase):
        await database.transaction(lambda tx: tx.execute("ANALYZE"))
        clock.advance_s(1)
        assert await faults(account) == {}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM topups WHERE note = :value",
        """SELECT id FROM topups WHERE account_id = :account AND environment = 'staging'
           AND note = :value""",
    ],
)
async def test_a_statement_that_reads_the_history_is_seen(
    database: Database, clock: FixedClock, text: str
) -> None:
    account = await hot_account(database, clock)
    values = {"value": "x"}
    if ":account" in text:
        values["account"] = account.account_id

    assert await faults_of(database, text, values) != []
