"""Compress responses that contain no secret.

Pages and API responses stay uncompressed. If one contained both a secret and an attacker's text, its compressed
length could reveal the secret.
"""

from functools import lru_cache
from typing import Final

from starlette.types import ASGIApp
from starlette_compress import CompressMiddleware

BYTES_MIN: Final = 1_000
_ENCODINGS: Final = (b"zstd", b"br", b"gzip")
_KEPT_BYTES_MAX: Final = 300


def compressed(app: ASGIApp) -> ASGIApp:
    return CompressMiddleware(app, minimum_size=BYTES_MIN)


def preferred_encoding(accept_encoding: bytes) -> bytes:
    if not accept_encoding:
        return b""
    if len(accept_encoding) > _KEPT_BYTES_MAX:
        return _preferred(accept_encoding)
    return _known_preferred(accept_encoding)


def _preferred(accept_encoding: bytes) -> bytes:
    qualities = dict(map(_quality, accept_encoding.lower().split(b",")))
    others = qualities.get(b"*", False)
    return next((name for name in _ENCODINGS if qualities.get(name, others)), b"")


_known_preferred = lru_cache(maxsize=256)(_preferred)


def _quality(named: bytes) -> tuple[bytes, bool]:
    name, *parameters = (part.strip() for part in named.split(b";"))
    for parameter in parameters:
        key, _, value = parameter.partition(b"=")
        if key.strip() == b"q":
            try:
                return name, float(value) > 0
            except ValueError:
                return name, False
    return name, True
