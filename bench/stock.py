"""Stored top-ups in bulk: the rows of so many sends, as if they had been made over the last hours.

The ledger adds up and events are numbered without a gap, so `topup audit` finds nothing. With
backlog_due_s the webhooks are still to be sent and fall due together in so many seconds, once all rows
are there; else each has its attempt. Tables are written directly
and set-based, past their writers: it is the only way to a million within minutes.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bench.tenants import Merchant, opened
from billing.ledger.ledger import Code, Ledger, LedgerAccountKind
from kernel.clock import SECOND_US, SystemClock
from kernel.ids import encode, new_id
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Transaction
from tests.support.postgres_server import on_server
from webhooks.deliveries import endpoint_queue
from webhooks.events.event import render_event

ROWS_PER_STEP = 4_000
SPAN_US = 20 * 3600 * SECOND_US
AMOUNT_CENTS = 100
MICROS = AMOUNT_CENTS * 10_000
SENDS_PER_RECIPIENT = 10
EVENT = "topup.delivered"
_TICKS_PER_MS = 62**8
_TICKS_PER_TENANT = 10**8
# As webhooks/deliveries/message.py keeps them.
_HEADERS = '{"webhook-timestamp":"1780000000","X-Request-Id":"req_0000000000000000"}'
_TIMINGS = '{"dns":0.0,"connect":0.4,"tls":0.0,"first_byte":1.2,"total":1.7}'
_TABLES = {
    "topups": (
        *("id", "account_id", "environment", "status", "platform", "amount_cents"),
        *("recipient_email", "metadata", "new_balance_cents", "voucher_code_hint", "fulfilment"),
        *("created_at", "settled_at"),
    ),
    "transfers": (
        *("id", "account_id", "environment", "debit_id", "credit_id", "amount_micros", "code"),
        *("transaction_id", "created_at"),
    ),
    "events": (
        *("id", "account_id", "environment", "event_no", "type", "transaction_id", "body"),
        "created_at",
    ),
    "deliveries": (
        *("id", "event_id", "endpoint_id", "account_id", "environment", "event_type"),
        *("transaction_id", "status", "attempts_made", "next_attempt_at", "claim_no"),
        *("created_at", "settled_at"),
    ),
    "attempts": (
        *("delivery_id", "number", "id", "account_id", "environment", "started_at"),
        *("duration_us", "http_status", "remote_address", "timings_ms", "request_headers"),
        *("body_sha256", "response_body"),
    ),
    "idempotency_keys": (
        *("account_id", "environment", "digest", "fingerprint", "status", "body", "created_at"),
    ),
}


@dataclass(frozen=True, slots=True)
class _WorkingSet:
    """Where one tenant's rows go."""

    tenant: Tenant
    endpoint_id: str
    place: int  # of the tenant among all
    wallet_id: str
    recipient_ids: Sequence[str]
    first_event_no: int
    begin_us: int
    step_us: int
    due_us: int | None  # of a backlog

    def id(self, prefix: str, number: int) -> str:
        """Ordered by time, as ids are; below whatever is made from now on."""
        at_us = self.begin_us + number * self.step_us
        tick = self.place * _TICKS_PER_TENANT + number
        return f"{prefix}_{encode(at_us // 1000 * _TICKS_PER_MS + tick)}"


async def stock(
    database_url: str,
    tenants: Sequence[Merchant],
    count: int,
    *,
    backlog_due_s: float | None = None,
    span_us: int = SPAN_US,
    tables: Collection[str] = _TABLES,
) -> None:
    """Adds count top-ups of the last span_us, spread evenly over it and the tenants, whose endpoint gets
    each one's event. tables: which rows are written, where not all are needed.
    """
    due_us = None
    if backlog_due_s is not None:
        due_us = SystemClock().now_us() + round(backlog_due_s * SECOND_US)
    each = count // len(tenants)
    assert each * len(tenants) == count, "an even share for each"
    async with opened(database_url) as database:
        for place, tenant in enumerate(tenants):

            async def begin(
                tx: Transaction, place: int = place, tenant: Merchant = tenant
            ) -> _WorkingSet:
                begin_us = SystemClock().now_us() - span_us
                times = (begin_us, max(1, span_us // each), due_us)
                return await _begin(tx, tenant, place, each, times)

            working_set = await database.transaction(begin, durable=False)
            for first in range(0, each, ROWS_PER_STEP):
                numbers = range(first, min(each, first + ROWS_PER_STEP))

                async def fill(
                    tx: Transaction,
                    working_set: _WorkingSet = working_set,
                    numbers: range = numbers,
                ) -> None:
                    await _show(tx, working_set)
                    for table, rows in _rows(working_set, numbers).items():
                        if table in tables:
                            await tx.insert(table, _TABLES[table], rows)

                await database.transaction(fill, durable=False)
    tidy(database_url)


def backlog_s(tenants: int, count: int) -> float:
    """When a backlog of that size may fall due: longer than it takes to write on a machine that has time."""
    return 2 + tenants / 300 + count / 4_000


def tidy(database_url: str) -> None:
    """What a database does in quiet hours, so that it is not done while something is measured."""
    if not database_url.startswith("sqlite"):
        on_server(database_url, "VACUUM ANALYZE")
        on_server(database_url, "CHECKPOINT")
        return
    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def read_keys(database_url: str) -> None:
    """Reads the index of Idempotency-Keys, which each send looks into at a random place: in service it lies in memory."""
    if not database_url.startswith("sqlite"):
        on_server(
            database_url, "SET enable_seqscan = off; SELECT COUNT(digest) FROM idempotency_keys"
        )
        return
    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    connection.execute("SELECT COUNT(digest) FROM idempotency_keys").fetchone()
    connection.close()


async def _begin(
    tx: Transaction,
    merchant: Merchant,
    place: int,
    count: int,
    times: tuple[int, int, int | None],
) -> _WorkingSet:
    """Takes the money out of the wallet, opens the recipients' accounts, reserves event numbers.

    times: begin_us, step_us and due_us of the result.
    """
    now_us = SystemClock().now_us()
    tenant = merchant.tenant
    await lock_tenants(tx, [tenant])
    row = await tx.fetch_one(
        "SELECT event_no FROM account_environments WHERE account_id = :a AND environment = :e",
        a=tenant.account_id,
        e=tenant.environment,
    )
    assert row is not None
    first_event_no = int(row["event_no"]) + 1
    ledger = Ledger()
    await ledger.load(tx, [tenant], [])
    wallet_id = ledger.account(tenant, LedgerAccountKind.WALLET).id
    recipients = max(1, count // SENDS_PER_RECIPIENT)
    working_set = _WorkingSet(
        tenant,
        merchant.endpoint_id,
        place,
        wallet_id,
        [new_id("lac") for _ in range(recipients)],
        first_event_no,
        *times,
    )
    await _open_recipients(tx, working_set, count, now_us)
    await tx.execute(
        "UPDATE ledger_accounts SET balance_micros = balance_micros - :sum WHERE id = :id",
        sum=count * MICROS,
        id=wallet_id,
    )
    await tx.execute(
        """UPDATE account_environments SET event_no = event_no + :n
           WHERE account_id = :a AND environment = :e""",
        n=count,
        a=tenant.account_id,
        e=tenant.environment,
    )
    return working_set


async def _show(tx: Transaction, working_set: _WorkingSet) -> None:
    """Puts the endpoint of a backlog into the line, in the transaction that writes its deliveries: else a
    look between may leave it out, until a chore mends the line up to minutes later.
    """
    if working_set.due_us is not None:
        waiting = (working_set.endpoint_id, *working_set.tenant, working_set.due_us)
        await endpoint_queue.bring_forward_counted(tx, [waiting])


async def _open_recipients(
    tx: Transaction, working_set: _WorkingSet, count: int, now_us: int
) -> None:
    """With what so many sends left there."""
    recipients = len(working_set.recipient_ids)
    rows = [
        (
            id_,
            *working_set.tenant,
            str(LedgerAccountKind.RECIPIENT),
            _recipient_name(working_set, n),
            balance,
            now_us,
            now_us,
        )
        for n, id_ in enumerate(working_set.recipient_ids)
        if (balance := len(range(n, count, recipients)) * MICROS)
    ]
    columns = ("id", "account_id", "environment", "kind", "name", "balance_micros")
    for first in range(0, len(rows), ROWS_PER_STEP):
        step = rows[first : first + ROWS_PER_STEP]
        await tx.insert("ledger_accounts", (*columns, "created_at", "updated_at"), step)


def _recipient_name(working_set: _WorkingSet, number: int) -> str:
    # A second stock of the same tenant has recipients of its own.
    return f"claude/stock{working_set.first_event_no}-{number}@example.com"


def _rows(working_set: _WorkingSet, numbers: range) -> dict[str, list[tuple[object, ...]]]:
    """The rows of these sends, by table."""
    rows: dict[str, list[tuple[object, ...]]] = {table: [] for table in _TABLES}
    for number in numbers:
        _add(rows, working_set, number)
    if working_set.due_us is not None:
        del rows["attempts"]
    return rows


def _add(rows: dict[str, list[tuple[object, ...]]], working_set: _WorkingSet, number: int) -> None:
    """One send: what the merchant sees, and what the webhook needs."""
    tenant = working_set.tenant
    at_us = working_set.begin_us + number * working_set.step_us
    topup_id = working_set.id("txn", number)
    recipient = number % len(working_set.recipient_ids)
    email = _recipient_name(working_set, recipient).partition("/")[2]
    balance_cents = (number // len(working_set.recipient_ids) + 1) * AMOUNT_CENTS
    hint = topup_id[-4:]
    said = (topup_id, *tenant, "delivered", "claude", AMOUNT_CENTS, email, "{}", balance_cents)
    rows["topups"].append((*said, hint, "voucher", at_us, at_us))
    sides = (
        working_set.wallet_id,
        working_set.recipient_ids[recipient],
        MICROS,
        str(Code.TOPUP_SEND),
    )
    rows["transfers"].append((working_set.id("trf", number), *tenant, *sides, topup_id, at_us))
    data = {
        "transaction_id": topup_id,
        "status": "delivered",
        "platform": "claude",
        "amount_cents": AMOUNT_CENTS,
        "recipient_email": email,
        "voucher_code": None,
        "voucher_code_hint": hint,
        "new_balance_cents": balance_cents,
        "reference": None,
        "metadata": {},
    }
    event_id = working_set.id("evt", number)
    event_no = working_set.first_event_no + number
    body = render_event(
        id=event_id,
        type=EVENT,
        created_at_us=at_us,
        environment=tenant.environment,
        sequence=event_no,
        data=data,
    )
    rows["events"].append((event_id, *tenant, event_no, EVENT, topup_id, body, at_us))
    digest = hashlib.sha256(topup_id.encode()).hexdigest()
    rows["idempotency_keys"].append((*tenant, digest[:32], digest[32:], 200, body, at_us))
    _add_delivery(rows, working_set, number, at_us, digest)


def _add_delivery(
    rows: dict[str, list[tuple[object, ...]]],
    working_set: _WorkingSet,
    number: int,
    at_us: int,
    digest: str,
) -> None:
    tenant, due_us = working_set.tenant, working_set.due_us
    delivery_id, event_id = working_set.id("dlv", number), working_set.id("evt", number)
    settled_at = at_us + 2000 if due_us is None else None
    state = ("delivered", 1, None, 2) if due_us is None else ("pending", 0, due_us, 0)
    names = (delivery_id, event_id, working_set.endpoint_id, *tenant, EVENT)
    rows["deliveries"].append((*names, working_set.id("txn", number), *state, at_us, settled_at))
    request = (at_us, 1700, 200, "127.0.0.1", _TIMINGS, _HEADERS, digest, b"")
    rows["attempts"].append((delivery_id, 1, working_set.id("att", number), *tenant, *request))
