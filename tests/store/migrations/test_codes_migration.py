"""The migration that takes codes out of a database that has them, and what then goes on as before."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database, Row, Transaction
from store.migrate import migrate
from store.open import open_database
from tests.conftest import SERVER_URL
from tests.support.postgres_server import create_database, drop_database
from tests.support.programs import NO_SERVER, missing
from webhooks.deliveries.coded import with_code

CODE = "ATU-7Q3X-9KVM-2C8R-T5WA-H4NB"
BODY = b'{"id":"evt_1","data":{"voucher_code":"%b","new_balance_cents":5}}' % CODE.encode()
BLANK = b'{"id":"evt_1","data":{"voucher_code":null,"new_balance_cents":5}}'
ANSWER = b'{"code":1001,"transaction_id":"txn_1","data":{"voucher_code":"%b","platform":"p"}}'
ENDPOINT = (
    "INSERT INTO endpoints (id, account_id, environment, url, description, events, secret_sealed,"
    " retry_schedule_s, status, created_at)"
    " VALUES ('we_1', 'a', 'live', 'u', '', '', :secret, '0', 'enabled', 1)"
)
TOPUP = (
    "INSERT INTO topups (id, account_id, environment, status, platform, amount_cents,"
    " recipient_email, metadata, voucher_code, fulfilment_code, fulfilment, created_at)"
    " VALUES ('txn_1', 'a', 'live', 'delivered', 'p', 1, 'e', '{}', :code, 'vendor-code', 'f', 1)"
)
EVENT = (
    "INSERT INTO events (id, account_id, environment, event_no, type, transaction_id, body,"
    " created_at) VALUES ('evt_1', 'a', 'live', 1, 'topup.delivered', 'txn_1', :body, 1)"
)
DELIVERY = (
    "INSERT INTO deliveries (id, event_id, endpoint_id, account_id, environment, event_type, status,"
    " attempts_made, created_at)"
    " VALUES ('dlv_1', 'evt_1', 'we_1', 'a', 'live', 'topup.delivered', 'pending', 0, 1)"
)
KEPT = (
    "INSERT INTO idempotency_keys (account_id, environment, digest, fingerprint, status, body,"
    " created_at) VALUES ('a', 'live', 'd', 'f', 200, :body, 1)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    if not SERVER_URL:
        missing(NO_SERVER)
    name = f"topup_codes_{os.getpid()}"
    yield create_database(SERVER_URL, name)
    drop_database(SERVER_URL, name)


@pytest.fixture
def old(unmigrated: str) -> Database:
    """A database of the schema before, migrated with a delivered top-up's rows as they were then."""
    url = unmigrated
    migrate(url, revision="0002")
    database = open_database(url)

    async def work(tx: Transaction) -> None:
        await tx.execute(ENDPOINT, secret=b"s")
        await tx.execute(TOPUP, code=CODE)
        await tx.execute(EVENT, body=BODY)
        await tx.execute(DELIVERY)
        await tx.execute(KEPT, body=ANSWER % CODE.encode())

    async def fill() -> None:
        # The schema of then has no place yet for what a durable one writes.
        await database.transaction(work, durable=False)
        await database.close()

    asyncio.run(fill())
    migrate(url)
    return open_database(url)


async def row_of(database: Database, table: str) -> Row:
    found = await database.read(lambda tx: tx.fetch_one(f"SELECT * FROM {table}"))
    assert found is not None
    return found


async def test_codes_leave_the_rows_and_their_places_stay(old: Database) -> None:
    topup, event = await row_of(old, "topups"), await row_of(old, "events")
    delivery, endpoint = await row_of(old, "deliveries"), await row_of(old, "endpoints")
    kept = await row_of(old, "idempotency_keys")

    assert (topup["voucher_code"], topup["fulfilment_code"]) == (None, None)
    assert topup["voucher_code_hint"] == "H4NB"
    assert event["body"] == BLANK
    assert delivery["code_at"] == event["code_at"]
    assert with_code(event["body"], event["code_at"], CODE) == BODY
    assert (endpoint["include_codes"], endpoint["had_codes"]) == (0, 1)
    assert kept["body"] == ANSWER % b"txn_1"
    assert kept["body"][kept["code_at"] :].startswith(b"txn_1")
    await old.close()
