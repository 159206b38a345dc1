"""Sign and verify statements as compact JWS (RFC 7515) with Ed25519 keys (RFC 8037).

No other algorithm is accepted.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kernel.errors import InvalidInput

ALGORITHM: Final = "EdDSA"
KEY_BYTES: Final = 32
JWS_CHARACTERS_MAX: Final = 1 << 20
NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class StatementRefused(InvalidInput):
    pass


class VerifiedStatement(NamedTuple):
    payload: bytes
    kid: str


def sign(payload: bytes, *, typ: str, seed: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    header = {"alg": ALGORITHM, "kid": kid_of(public_of(seed)), "typ": typ}
    signed = f"{encode(msgspec.json.encode(header))}.{encode(payload)}"
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def verify(text: str, *, typ: str, keys: Mapping[str, bytes]) -> VerifiedStatement:
    parts = text.split(".")
    if len(parts) != 3 or len(text) > JWS_CHARACTERS_MAX or not text.isascii():
        raise StatementRefused(
            "This isn't a compact JWS. It must have three parts, separated by dots."
        )
    header = _header(parts[0])
    if header.get("alg") != ALGORITHM or header.get("typ") != typ or "crit" in header:
        raise StatementRefused(
            f"The header must name the type {typ} and the algorithm {ALGORITHM}."
        )
    kid = header.get("kid")
    public = keys.get(kid) if isinstance(kid, str) else None
    if not isinstance(kid, str) or public is None:
        raise StatementRefused("None of the given public keys has the key ID in the header.")
    try:
        signed = f"{parts[0]}.{parts[1]}".encode()
        Ed25519PublicKey.from_public_bytes(public).verify(decode(parts[2]), signed)
    except (InvalidSignature, ValueError):
        raise StatementRefused(
            "The signature is wrong: the statement was changed or forged."
        ) from None
    return VerifiedStatement(decode(parts[1]), kid)


def public_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def kid_of(public: bytes) -> str:
    """Return the key's thumbprint (RFC 7638) as its ID, so that two keys never have the same ID."""
    spelled = f'{{"crv":"Ed25519","kty":"OKP","x":"{encode(public)}"}}'
    return encode(hashlib.sha256(spelled.encode()).digest())


def jwk_of(public: bytes) -> dict[str, str]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": encode(public),
        "kid": kid_of(public),
        "alg": ALGORITHM,
        "use": "sig",
    }


def keys_of_jwks(document: bytes) -> dict[str, bytes]:
    try:
        listed = msgspec.json.decode(document)["keys"]
        rows = [one for one in listed if isinstance(one, dict) and one.get("crv") == "Ed25519"]
        publics = [decode(one["x"]) for one in rows]
    except (*NOT_JSON, KeyError, TypeError, StatementRefused):
        raise StatementRefused("The keys aren't a JWK Set.") from None
    found = {kid_of(public): public for public in publics if len(public) == KEY_BYTES}
    if not found:
        raise StatementRefused("The JWK Set has no Ed25519 key.")
    return found


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: object) -> bytes:
    """Decode text that `encode` returned. Raise StatementRefused for any other text."""
    try:
        data = base64.b64decode(f"{text}==", altchars=b"-_", validate=False)
    except (binascii.Error, ValueError):
        data = b""
    # Base64 ignores some bits of the last character. Refuse text in which those bits were changed.
    if not isinstance(text, str) or encode(data) != text:
        raise StatementRefused("A part of the statement isn't base64url.")
    return data


def _header(part: str) -> Mapping[str, Any]:
    try:
        header = msgspec.json.decode(decode(part))
    except (*NOT_JSON, StatementRefused):
        header = None
    if not isinstance(header, dict):
        raise StatementRefused("The header isn't a JSON object in base64url.")
    return header
