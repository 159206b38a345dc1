"""Compute MCP clients' tokens from what each was exchanged for. Pure.

    mat_ + 26 base62 characters + 6 of a checksum      access
    mrt_ + the same                                    refresh

One code, or one refresh token, gives the same pair on every process. So an exchange whose response was lost
can be answered again, and no second pair ever exists. A pair doesn't reveal the one before or after it: that
takes the key, which no database stores in the clear.
"""

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.ids import BASE62
from keys.token_format import checksum

ACCESS_PREFIX: Final = "mat_"
REFRESH_PREFIX: Final = "mrt_"
_CHARACTERS: Final = 26  # of base62: 154 bits


class TokenMaker:
    """One for a process; key: 32 bytes, the same on each."""

    def __init__(self, key: bytes) -> None:
        info = b"mcp tokens 1"
        self._key = HKDF(algorithm=SHA256(), length=len(key), salt=None, info=info).derive(key)

    def pair_of(self, secret: str) -> tuple[str, str]:
        return self._made(ACCESS_PREFIX, secret), self._made(REFRESH_PREFIX, secret)

    def _made(self, prefix: str, secret: str) -> str:
        mac = hmac.digest(self._key, f"{prefix} {secret}".encode(), hashlib.sha256)
        number, characters = int.from_bytes(mac, "big"), ""
        for _ in range(_CHARACTERS):
            number, value = divmod(number, len(BASE62))
            characters += BASE62[value]
        return f"{prefix}{characters}{checksum(characters)}"
