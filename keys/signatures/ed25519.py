"""Ed25519 key pairs, and the signatures v1a of Standard Webhooks. Pure.

Any library that checks v1a by the public key accepts what signature() makes. The public key alone can check,
and sign nothing.
"""

import base64
import binascii
import secrets as random
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kernel.errors import InvalidInput

PUBLIC_PREFIX: Final = "whpk_"
VERSION: Final = "v1a"
SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32


class InvalidPublicKey(InvalidInput):
    """A public key is not whpk_ and the base64 of 32 bytes."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, param="public_key")


def new_seed() -> bytes:
    """Return the 32 random bytes of a new private key."""
    return random.token_bytes(SEED_BYTES)


def signer_of(seed: bytes) -> Ed25519PrivateKey:
    """Return the private key, ready to sign. Cache it: making it costs as much as signing."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_text(seed: bytes) -> str:
    public = signer_of(seed).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + base64.b64encode(public).decode("ascii")


def public_key(text: str) -> Ed25519PublicKey:
    """Parse a whpk_ text; raise InvalidPublicKey."""
    if not text.startswith(PUBLIC_PREFIX):
        raise InvalidPublicKey("The public key does not begin with whpk_.")
    try:
        public = base64.b64decode(text[len(PUBLIC_PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPublicKey("The part after whpk_ is not base64.") from None
    if len(public) != PUBLIC_BYTES:
        raise InvalidPublicKey(f"The public key holds {len(public)} bytes; {PUBLIC_BYTES} are due.")
    return Ed25519PublicKey.from_public_bytes(public)


def signature(signer: Ed25519PrivateKey, signed: bytes) -> str:
    return base64.b64encode(signer.sign(signed)).decode("ascii")


def fits(public: Ed25519PublicKey, text: str, signed: bytes) -> bool:
    """Check a signature of these bytes. Never raises for what a caller can send."""
    try:
        public.verify(base64.b64decode(text, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
