"""Encrypt an endpoint's secrets, private keys and header values, each bound to the endpoint's ID.

Decrypting raises SealBroken if a value was altered.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from keys.vault import SealBroken, Vault

MASKED: Final = "********"

SECRET_PURPOSE: Final = "webhook_secret"  # noqa: S105 - the vault's word for it
OLDER_PURPOSE: Final = "webhook_older_secrets"
HEADERS_PURPOSE: Final = "webhook_headers"
SIGNING_PURPOSE: Final = "webhook_signing_keys"
_log = logging.getLogger(__name__)


class OlderSecret(NamedTuple):
    secret: str
    until_us: int


class SigningKey(NamedTuple):
    """A signing key that is valid before until_us. The newest key doesn't expire."""

    seed: bytes
    until_us: int | None


def sealed_secret(vault: Vault, endpoint_id: str, secret: str) -> bytes:
    return vault.seal(secret.encode(), purpose=SECRET_PURPOSE, subject=endpoint_id)


def opened_secret(vault: Vault, endpoint_id: str, sealed: bytes) -> str:
    return vault.open(sealed, purpose=SECRET_PURPOSE, subject=endpoint_id).decode()


def sealed_older(vault: Vault, endpoint_id: str, older: Sequence[OlderSecret]) -> bytes | None:
    if not older:
        return None
    return vault.seal(msgspec.json.encode(older), purpose=OLDER_PURPOSE, subject=endpoint_id)


def opened_older(vault: Vault, endpoint_id: str, sealed: bytes | None) -> tuple[OlderSecret, ...]:
    if sealed is None:
        return ()
    plain = vault.open(sealed, purpose=OLDER_PURPOSE, subject=endpoint_id)
    return msgspec.json.decode(plain, type=tuple[OlderSecret, ...])


def sealed_keys(vault: Vault, endpoint_id: str, keys: Sequence[SigningKey]) -> bytes | None:
    if not keys:
        return None
    return vault.seal(msgspec.json.encode(keys), purpose=SIGNING_PURPOSE, subject=endpoint_id)


def opened_keys(vault: Vault, endpoint_id: str, sealed: bytes | None) -> tuple[SigningKey, ...]:
    if sealed is None:
        return ()
    plain = vault.open(sealed, purpose=SIGNING_PURPOSE, subject=endpoint_id)
    return msgspec.json.decode(plain, type=tuple[SigningKey, ...])


def sealed_headers(vault: Vault, endpoint_id: str, headers: Mapping[str, str]) -> bytes | None:
    if not headers:
        return None
    return vault.seal(msgspec.json.encode(headers), purpose=HEADERS_PURPOSE, subject=endpoint_id)


def opened_headers(vault: Vault, endpoint_id: str, sealed: bytes | None) -> dict[str, str]:
    if sealed is None:
        return {}
    plain = vault.open(sealed, purpose=HEADERS_PURPOSE, subject=endpoint_id)
    return msgspec.json.decode(plain, type=dict[str, str])


def header_names(vault: Vault, endpoint_id: str, sealed: bytes | None) -> tuple[str, ...] | None:
    """Return the header names, or None if the headers can't be decrypted."""
    try:
        return tuple(opened_headers(vault, endpoint_id, sealed))
    except SealBroken as error:
        _log.error("secrets.seal_broken", extra={"endpoint_id": endpoint_id, "error": str(error)})
        return None


def resealed(vault: Vault, endpoint_id: str, sealed: bytes | None, *, purpose: str) -> bytes | None:
    """Encrypt the value with the newest master key, unless it already is. Raise SealBroken if it was altered."""
    if sealed is None or not vault.needs_reseal(sealed):
        return sealed
    plain = vault.open(sealed, purpose=purpose, subject=endpoint_id)
    return vault.seal(plain, purpose=purpose, subject=endpoint_id)
