"""An endpoint's secrets and header values as they lie in the database: sealed, bound to its id."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from keys.vault import Vault

MASKED: Final = "********"

SECRET_PURPOSE: Final = "webhook_secret"  # noqa: S105 - the vault's word for it
OLDER_PURPOSE: Final = "webhook_older_secrets"
HEADERS_PURPOSE: Final = "webhook_headers"


class OlderSecret(NamedTuple):
    """A secret that was rotated out, and until when it signs as well; that moment excluded."""

    secret: str
    until_us: int


def sealed_secret(vault: Vault, endpoint_id: str, secret: str) -> bytes:
    return vault.seal(secret.encode(), purpose=SECRET_PURPOSE, subject=endpoint_id)


def opened_secret(vault: Vault, endpoint_id: str, sealed: bytes) -> str:
    """The whsec_ text; raises keys.vault.SealBroken."""
    return vault.open(sealed, purpose=SECRET_PURPOSE, subject=endpoint_id).decode()


def sealed_older(vault: Vault, endpoint_id: str, older: Sequence[OlderSecret]) -> bytes | None:
    """All of them as one; null for none at all."""
    if not older:
        return None
    return vault.seal(msgspec.json.encode(older), purpose=OLDER_PURPOSE, subject=endpoint_id)


def opened_older(vault: Vault, endpoint_id: str, sealed: bytes | None) -> tuple[OlderSecret, ...]:
    """In the order they were sealed in; raises keys.vault.SealBroken."""
    if sealed is None:
        return ()
    plain = vault.open(sealed, purpose=OLDER_PURPOSE, subject=endpoint_id)
    return msgspec.json.decode(plain, type=tuple[OlderSecret, ...])


def sealed_headers(vault: Vault, endpoint_id: str, headers: Mapping[str, str]) -> bytes | None:
    """Null for none at all."""
    if not headers:
        return None
    return vault.seal(msgspec.json.encode(headers), purpose=HEADERS_PURPOSE, subject=endpoint_id)


def opened_headers(vault: Vault, endpoint_id: str, sealed: bytes | None) -> dict[str, str]:
    """The tenant's own headers; raises keys.vault.SealBroken."""
    if sealed is None:
        return {}
    plain = vault.open(sealed, purpose=HEADERS_PURPOSE, subject=endpoint_id)
    return msgspec.json.decode(plain, type=dict[str, str])


def resealed(vault: Vault, endpoint_id: str, sealed: bytes | None, *, purpose: str) -> bytes | None:
    """The same under the newest master key, or as it is; raises keys.vault.SealBroken."""
    if sealed is None or not vault.needs_reseal(sealed):
        return sealed
    plain = vault.open(sealed, purpose=purpose, subject=endpoint_id)
    return vault.seal(plain, purpose=purpose, subject=endpoint_id)
