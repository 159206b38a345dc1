"""An endpoint's key pairs as they are rotated: which sign until when, and what of them lies in the database."""

import json

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.signatures.ed25519 import public_text
from store.database import Database, Row, Transaction
from tests.support.webhook_rows import given_account, given_endpoint, new_vault
from webhooks.deliveries.sealed import opened_keys
from webhooks.endpoints.endpoint import rotate_secret


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
