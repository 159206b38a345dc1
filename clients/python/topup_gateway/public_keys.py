"""The Ed25519 signatures of webhooks (v1a of Standard Webhooks), checked with an endpoint's public key.

Needs the extra: pip install 'topup-gateway-client[ed25519]'.
"""

import base64
import binascii
from collections.abc import Sequence

from .errors import InvalidSignature

try:
    from cryptography.exceptions import InvalidSignature as Unfit
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError as error:
    raise ImportError("pip install 'topup-gateway-client[ed25519]' to check by a whpk_…") from error

PREFIX = "whpk_"
_BYTES = 32
# The gateway sends six at most; a forger might send thousands.
_SIGNATURES_MAX = 20


def fits_any(keys: Sequence[str], signatures: Sequence[str], signed: bytes) -> bool:
    """Whether one of the signatures is by one of the keys. Raises InvalidSignature for what is no whpk_…."""
    opened = [_opened(one) for one in keys]
    return any(_fits(key, one, signed) for one in signatures[:_SIGNATURES_MAX] for key in opened)


def _opened(text: str) -> Ed25519PublicKey:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise InvalidSignature("the public key is not whpk_ and the base64 of 32 bytes")
    return Ed25519PublicKey.from_public_bytes(key)


def _fits(key: Ed25519PublicKey, text: str, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(text, validate=True), signed)
    except (Unfit, binascii.Error, ValueError):
        return False
    return True
