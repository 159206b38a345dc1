"""Encrypt secrets that must be read again, under a master key that only this module sees.

An encrypted text has a version (1 byte), the master key's ID (8) and a nonce (12). The AES-256-GCM ciphertext and
tag (16) follow. Purpose and subject are authenticated. With random nonces, a key can encrypt 2**32 texts (NIST SP
800-38D).
"""

import base64
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store.database import Row, Transaction

KEY_BYTES = 32
MASTER_KEYS_MAX = 16
PASSPHRASE_CHARACTERS_MIN = 32
_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_DATA_KEY_PURPOSE = "data_key"

_log = logging.getLogger(__name__)


class SealBroken(RuntimeError):
    pass


class MasterKeyRefused(ValueError):
    """The configured master keys can't be used. The message shows none of them."""


def parse_master_keys(text: str) -> list[bytes]:
    """Parse a setting "new,old" into keys of 32 bytes, newest first. Raise MasterKeyRefused if one can't be
    used.

    An entry is 64 hex characters, the base64 of 32 bytes, or any other random text of at least 32 characters.
    """
    entries = [entry.strip() for entry in text.split(",")]
    if len(entries) > MASTER_KEYS_MAX:
        raise MasterKeyRefused(f"at most {MASTER_KEYS_MAX} master keys")
    keys = [_master_key(entry, number) for number, entry in enumerate(entries, start=1)]
    if len(set(keys)) != len(keys):
        raise MasterKeyRefused("the same master key is listed twice")
    return keys


def _master_key(entry: str, number: int) -> bytes:
    if _HEX.fullmatch(entry):
        return bytes.fromhex(entry)
    if _BASE64.fullmatch(entry):
        plain = entry.rstrip("=").replace("-", "+").replace("_", "/") + "="
        return base64.b64decode(plain, validate=True)
    if len(entry) < PASSPHRASE_CHARACTERS_MIN:
        raise MasterKeyRefused(
            f"master key {number} has {len(entry)} characters; it takes 32 bytes as hex or base64,"
            f" or a random text of at least {PASSPHRASE_CHARACTERS_MIN} characters"
        )
    return _derive(entry.encode(), b"topup master key 1")


def _derive(secret: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)


class Vault:
    def __init__(self, master_keys: Sequence[bytes]) -> None:
        assert master_keys, "a vault has a master key"
        assert all(len(key) == KEY_BYTES for key in master_keys), "a master key has 32 bytes"
        ids = [_derive(key, b"topup master key id 1")[:_KEY_ID_BYTES] for key in master_keys]
        self._newest = ids[0]
        self._ciphers = {key_id: AESGCM(key) for key_id, key in zip(ids, master_keys, strict=True)}
        self._mac_keys = [_derive(key, b"topup mac key 1") for key in master_keys]

    def __repr__(self) -> str:
        return f"Vault({len(self._ciphers)} master keys)"

    def seal(self, plain: bytes, *, purpose: str, subject: str) -> bytes:
        header = _VERSION + self._newest
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound = _bound(header, purpose, subject)
        return header + nonce + self._ciphers[self._newest].encrypt(nonce, plain, bound)

    def open(self, blob: bytes, *, purpose: str, subject: str) -> bytes:
        """Decrypt. Raise SealBroken if the text was encrypted for another purpose or subject, or was changed."""
        if len(blob) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES or blob[:1] != _VERSION:
            raise SealBroken(f"no sealed {purpose} of {subject}")
        header, rest = blob[:_HEADER_BYTES], blob[_HEADER_BYTES:]
        cipher = self._ciphers.get(header[len(_VERSION) :])
        if cipher is None:
            raise SealBroken(f"the master key of {purpose} of {subject} is not configured")
        try:
            return cipher.decrypt(
                rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _bound(header, purpose, subject)
            )
        except InvalidTag:
            raise SealBroken(f"the sealed {purpose} of {subject} was altered or moved") from None

    def sign(self, text: str, *, purpose: str) -> str:
        """Return a proof that this installation wrote the text for this purpose."""
        return _mac(self._mac_keys[0], text, purpose)

    def is_signed(self, text: str, proof: str, *, purpose: str) -> bool:
        return any(
            hmac.compare_digest(_mac(key, text, purpose).encode(), proof.encode())
            for key in self._mac_keys
        )

    @property
    def newest_header(self) -> bytes:
        return _VERSION + self._newest

    def needs_reseal(self, blob: bytes) -> bool:
        return blob[:_HEADER_BYTES] != self.newest_header

    async def data_key(self, tx: Transaction, name: str, *, now_us: int) -> bytes:
        """Return the installation's 32-byte key with this name. Two processes that create it get the same key."""
        sealed = await _sealed_key(tx, name)
        if sealed is None:
            fresh = self.seal(
                secrets.token_bytes(KEY_BYTES), purpose=_DATA_KEY_PURPOSE, subject=name
            )
            await tx.insert(
                "sealed_keys",
                ("name", "sealed", "created_at"),
                [(name, fresh, now_us)],
                on_conflict="ON CONFLICT (name) DO NOTHING",
            )
            sealed = await _sealed_key(tx, name)
        assert sealed is not None, "data keys are never deleted"
        return self.open(sealed, purpose=_DATA_KEY_PURPOSE, subject=name)

    async def lacks_a_master_key(self, tx: Transaction) -> bool:
        """Return whether a data key is encrypted under a master key that isn't configured. Ignore altered texts."""
        rows = await tx.fetch("SELECT sealed FROM sealed_keys")
        return any(
            row["sealed"][len(_VERSION) : _HEADER_BYTES] not in self._ciphers for row in rows
        )

    async def known_data_key(self, tx: Transaction, name: str) -> bytes | None:
        sealed = await _sealed_key(tx, name)
        if sealed is None:
            return None
        try:
            return self.open(sealed, purpose=_DATA_KEY_PURPOSE, subject=name)
        except SealBroken:
            return None

    async def reseal_all(self, tx: Transaction) -> int:
        """Encrypt data keys under the newest master key if they are under an older one. Return how many were
        changed.

        Log the keys that can't be decrypted.
        """
        rows = await tx.fetch(
            "SELECT name, sealed, created_at FROM sealed_keys ORDER BY name FOR NO KEY UPDATE"
        )
        old = [row for row in rows if self.needs_reseal(row["sealed"])]
        fresh = [(row["name"], self._resealed(row), row["created_at"]) for row in old]
        return await tx.insert(
            "sealed_keys",
            ("name", "sealed", "created_at"),
            [one for one in fresh if one[1] is not None],
            on_conflict="ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
        )

    def _resealed(self, row: Row) -> bytes | None:
        name = row["name"]
        try:
            plain = self.open(row["sealed"], purpose=_DATA_KEY_PURPOSE, subject=name)
        except SealBroken as error:
            _log.error("keys.seal_broken", extra={"key_name": name, "error": str(error)})
            return None
        return self.seal(plain, purpose=_DATA_KEY_PURPOSE, subject=name)


async def _sealed_key(tx: Transaction, name: str) -> bytes | None:
    row = await tx.fetch_one("SELECT sealed FROM sealed_keys WHERE name = :name", name=name)
    return None if row is None else bytes(row["sealed"])


def _mac(key: bytes, text: str, purpose: str) -> str:
    return hmac.new(key, _bound(b"", purpose, text), hashlib.sha256).hexdigest()


def _bound(header: bytes, purpose: str, subject: str) -> bytes:
    """Hash the parts of the context one by one, so that two contexts never give the same bytes."""
    return (
        header
        + hashlib.sha256(purpose.encode()).digest()
        + hashlib.sha256(subject.encode()).digest()
    )
