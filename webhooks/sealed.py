"""An endpoint's secrets and header values as they lie in the database: sealed, bound to its id."""

from collections.abc import Mapping
from typing import Final

import msgspec

from keys.vault import Vault

SECRET_PURPOSE: Final = "webhook_secret"  # noqa: S105 - the vault's word for it
HEADERS_PURPOSE: Final = "webhook_headers"


def sealed_secret(vault: Vault, endpoint_id: str, secret: str) -> bytes:
    return vault.seal(secret.encode(), purpose=SECRET_PURPOSE, subject=endpoint_id)


def opened_secret(vault: Vault, endpoint_id: str, sealed: bytes) -> str:
    """The whsec_ text; raises keys.vault.SealBroken."""
    return vault.open(sealed, purpose=SECRET_PURPOSE, subject=endpoint_id).decode()


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
