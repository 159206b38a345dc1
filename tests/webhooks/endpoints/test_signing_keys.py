"""An endpoint's key pairs as they are rotated: which sign until when, and what of them lies in the database."""

import json

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.signatures.signing import public_text
from store.database import Database, Row, Transaction
from store.sqlite.database import SqliteDatabase
from tests.support.webhook_rows import given_account, given_endpoint, new_vault
from webhooks.deliveries.sealed import opened_keys
from webhooks.endpoints import endpoint
from webhooks.endpoints.endpoint import rotate_secret

# Beside one that has a key pair: enough that reading all of them would be dearer.
WITHOUT_KEYS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO endpoints (id, account_id, environment, url, description, events, secret_sealed,
    retry_schedule_s, status, created_at)
SELECT 'we_0' || i, account_id, environment, url, '', '', secret_sealed, '0', 'enabled', i
FROM n CROSS JOIN endpoints
"""


async def rotated(
    database: Database, tenant: Tenant, endpoint_id: str, *, overlap_s: int, now_us: int
) -> None:
    async def work(tx: Transaction) -> None:
        vault = new_vault()
        await rotate_secret(tx, vault, tenant, endpoint_id, overlap_s=overlap_s, now_us=now_us)

    await database.transaction(work)


async def keys_of(database: Database, endpoint_id: str) -> list[tuple[str, int | None]]:
    """Its public keys and their ends, which are those of the private keys that lie sealed."""

    async def read(tx: Transaction) -> Row:
        row = await tx.fetch_one("SELECT signing_keys_sealed, public_keys FROM endpoints")
        assert row is not None
        return row

    row = await database.read(read)
    private = opened_keys(new_vault(), endpoint_id, row["signing_keys_sealed"])
    public = [(text, end) for text, end in json.loads(row["public_keys"])]
    assert [(public_text(one.seed), one.until_us) for one in private] == public
    assert not any(one.seed in row["signing_keys_sealed"] for one in private)
    return public


async def test_a_key_pair_is_rotated_with_the_secret_by_the_same_overlaps(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant, ed25519=True)
    now_us = clock.now_us()

    await rotated(database, tenant, endpoint.id, overlap_s=60, now_us=now_us)
    await rotated(database, tenant, endpoint.id, overlap_s=10, now_us=now_us + 1)
    three = await keys_of(database, endpoint.id)
    for _ in range(6):
        await rotated(database, tenant, endpoint.id, overlap_s=60, now_us=now_us)
    six = await keys_of(database, endpoint.id)
    await rotated(database, tenant, endpoint.id, overlap_s=0, now_us=now_us + 60_000_000)

    assert [end for _, end in three] == [None, now_us + 10_000_001, now_us + 60_000_000]
    assert three[2][0] == endpoint.public_key
    assert len(six) == 6
    assert [end for _, end in await keys_of(database, endpoint.id)] == [None]


@pytest.mark.new_database
async def test_the_published_keys_are_found_without_reading_endpoints_that_have_none(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant, ed25519=True)

    async def explain(tx: Transaction) -> str:
        await tx.execute(WITHOUT_KEYS)
        await tx.execute("ANALYZE endpoints")
        verb = "EXPLAIN QUERY PLAN" if isinstance(database, SqliteDatabase) else "EXPLAIN"
        rows = await tx.fetch(f"{verb} {endpoint._PAGE}", after="", rows=101)
        return "\n".join(str(row[-1]) for row in rows)

    assert "ix_endpoints_public_keys" in await database.transaction(explain)
