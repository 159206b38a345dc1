"""What endpoints keep sealed moves to the newest master key; one that does not open stays, alone."""

from collections.abc import Sequence

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.signatures.signing import public_text
from keys.vault import Vault
from store.database import Database, Row, Transaction
from store.row_mapping import update
from tests.support.webhook_rows import given_account, given_endpoint
from webhooks.deliveries.sealed import opened_keys, opened_secret
from webhooks.endpoints.endpoint import Endpoint, rotate_secret
from webhooks.endpoints.resealing import reseal_some

BOTH = Vault([b"n" * 32, b"k" * 32])
NEW_ALONE = Vault([b"n" * 32])


async def sealed_rows(database: Database) -> Sequence[Row]:
    text = "SELECT id, secret_sealed, signing_keys_sealed FROM endpoints ORDER BY id"
    return await database.read(lambda tx: tx.fetch(text))


async def test_a_rotated_master_key_takes_over_what_is_sealed(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, secret = await given_endpoint(database, clock, tenant, ed25519=True)
    await given_endpoint(database, clock, tenant)

    async def reseal(tx: Transaction) -> list[str | None]:
        first = await reseal_some(tx, BOTH, after_id="")
        return [first, await reseal_some(tx, BOTH, after_id=first or "")]

    last, none = await database.transaction(reseal)

    found = await sealed_rows(database)
    assert (last, none) == (found[1]["id"], None)
    assert opened_secret(NEW_ALONE, endpoint.id, found[0]["secret_sealed"]) == secret
    [key] = opened_keys(NEW_ALONE, endpoint.id, found[0]["signing_keys_sealed"])
    assert public_text(key.seed) == endpoint.public_key


async def test_what_does_not_open_keeps_nothing_else_under_the_old_master_key(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    damaged, secret = await given_endpoint(database, clock, tenant, ed25519=True)
    other, others_secret = await given_endpoint(database, clock, tenant)

    async def reseal(tx: Transaction) -> str | None:
        await update(tx, "endpoints", {"id": damaged.id}, {"signing_keys_sealed": b"damaged"})
        return await reseal_some(tx, BOTH, after_id="")

    assert await database.transaction(reseal) == other.id
    found = await sealed_rows(database)
    assert opened_secret(NEW_ALONE, damaged.id, found[0]["secret_sealed"]) == secret
    assert bytes(found[0]["signing_keys_sealed"]) == b"damaged"
    assert opened_secret(NEW_ALONE, other.id, found[1]["secret_sealed"]) == others_secret


async def test_a_rotation_mends_an_endpoint_whose_seals_do_not_open(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    before, _ = await given_endpoint(database, clock, tenant, ed25519=True)
    broken = {"secret_sealed": b"damaged", "signing_keys_sealed": b"damaged"}

    async def rotate(tx: Transaction) -> tuple[Endpoint, str]:
        await update(tx, "endpoints", {"id": before.id}, broken)
        return await rotate_secret(tx, BOTH, tenant, before.id, now_us=clock.now_us())

    after, secret = await database.transaction(rotate)

    [found] = await sealed_rows(database)
    assert opened_secret(BOTH, before.id, found["secret_sealed"]) == secret
    [key] = opened_keys(BOTH, before.id, found["signing_keys_sealed"])
    assert public_text(key.seed) == after.public_key != before.public_key
