"""Endpoints' Ed25519 key pairs: made, rotated with the secret, and their public halves published.

Each endpoint has its own, because a v1a signature doesn't say whom it is for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from keys.signatures.signing import new_seed, public_text
from keys.vault import SealBroken, Vault
from store.database import Transaction
from webhooks.deliveries.sealed import SigningKey, opened_keys, sealed_keys

NONE: Final[Mapping[str, Any]] = {"signing_keys_sealed": None, "public_keys": None}

_PUBLISHED = "public_keys IS NOT NULL AND deleted_at IS NULL"
_ONE = f"SELECT id, public_keys FROM endpoints WHERE id = :id AND {_PUBLISHED}"
_PAGE = f"""
SELECT id, public_keys FROM endpoints WHERE id > :after AND {_PUBLISHED} ORDER BY id LIMIT :rows
"""


class PublicKey(NamedTuple):
    """until_us is when it stops signing; null for the newest."""

    text: str
    until_us: int | None


class Published(NamedTuple):
    endpoint_id: str
    keys: tuple[PublicKey, ...]

    def at(self, now_us: int) -> list[PublicKey]:
        return [one for one in self.keys if one.until_us is None or now_us < one.until_us]


_decode = msgspec.json.Decoder(tuple[PublicKey, ...]).decode


def first_columns(vault: Vault, endpoint_id: str) -> dict[str, Any]:
    return _columns(vault, endpoint_id, [SigningKey(new_seed(), None)])


def switched_columns(
    vault: Vault, endpoint_id: str, *, was_on: bool, is_on: bool
) -> dict[str, Any]:
    if was_on is is_on:
        return {}
    return first_columns(vault, endpoint_id) if is_on else dict(NONE)


def rotated_columns(
    vault: Vault,
    endpoint_id: str,
    sealed: bytes | None,
    *,
    until_us: int,
    now_us: int,
    older_max: int,
) -> dict[str, Any]:
    """Return the columns that change when a new key joins the newest, which signs until until_us.

    Older keys sign until their own ends, at most older_max of them.
    """
    if sealed is None:
        return {}
    try:
        keys = opened_keys(vault, endpoint_id, sealed)
    except SealBroken:
        # They can't sign either.
        keys = ()
    ends = [until_us if key.until_us is None else key.until_us for key in keys]
    older = [SigningKey(key.seed, end) for key, end in zip(keys, ends, strict=True) if now_us < end]
    return _columns(vault, endpoint_id, [SigningKey(new_seed(), None), *older[:older_max]])


def _columns(vault: Vault, endpoint_id: str, keys: Sequence[SigningKey]) -> dict[str, Any]:
    public = [PublicKey(public_text(key.seed), key.until_us) for key in keys]
    return {
        "signing_keys_sealed": sealed_keys(vault, endpoint_id, keys),
        "public_keys": msgspec.json.encode(public).decode(),
    }


async def published(tx: Transaction, endpoint_id: str) -> Published | None:
    row = await tx.fetch_one(_ONE, id=endpoint_id)
    return None if row is None else Published(row["id"], _decode(row["public_keys"]))


async def published_after(tx: Transaction, after_id: str, *, limit: int) -> list[Published]:
    rows = await tx.fetch(_PAGE, after=after_id, rows=limit)
    return [Published(row["id"], _decode(row["public_keys"])) for row in rows]
