"""Store the Ed25519 keys that sign checkpoints and receipts. The vault encrypts them."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from billing.checkpoints.jws import kid_of, public_of
from keys.vault import Vault
from store.database import Transaction

_LISTED: Final = "SELECT kid, number, public_key, created_at FROM signing_keys ORDER BY number"


class PublishedKey(NamedTuple):
    """A public signing key. The key with the highest number signs new statements."""

    kid: str
    number: int
    public_key: bytes
    created_at: int


async def published(tx: Transaction) -> Sequence[PublishedKey]:
    rows = await tx.fetch(_LISTED)
    return [PublishedKey(row[0], row[1], bytes(row[2]), row[3]) for row in rows]


async def by_kid(tx: Transaction) -> Mapping[str, bytes]:
    return {key.kid: key.public_key for key in await published(tx)}


async def signing_seed(tx: Transaction, vault: Vault, *, now_us: int) -> bytes:
    keys = await published(tx)
    return await _seed(tx, vault, max((key.number for key in keys), default=1), now_us=now_us)


async def rotate(tx: Transaction, vault: Vault, *, now_us: int) -> str:
    keys = await published(tx)
    number = max((key.number for key in keys), default=0) + 1
    return kid_of(public_of(await _seed(tx, vault, number, now_us=now_us)))


async def _seed(tx: Transaction, vault: Vault, number: int, *, now_us: int) -> bytes:
    """Return the private key with this number. Simultaneous callers get the same key."""
    seed = await vault.data_key(tx, f"receipt_signing/{number}", now_us=now_us)
    public = public_of(seed)
    await tx.insert(
        "signing_keys",
        ("kid", "number", "public_key", "created_at"),
        [(kid_of(public), number, public, now_us)],
        on_conflict="ON CONFLICT (kid) DO NOTHING",
    )
    return seed


async def unsealed_keys(tx: Transaction, *, vault: Vault) -> frozenset[str]:
    """Return the IDs of published keys that this installation's vault can't have made."""
    foreign = set()
    for key in await published(tx):
        seed = await vault.known_data_key(tx, f"receipt_signing/{key.number}")
        if seed is None or public_of(seed) != key.public_key or kid_of(key.public_key) != key.kid:
            foreign.add(key.kid)
    return frozenset(foreign)
