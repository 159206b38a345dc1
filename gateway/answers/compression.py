"""Answers compressed where the client asks for it: zstd, brotli or gzip, by starlette-compress.

Only for what holds no secret: a secret beside text that a stranger chose can be guessed by the length of
what is compressed. So the dashboard's pages (each has a CSRF token) and the API's own answers, which
may hold a code, are left out. What is compressed: the documents, and lists that are streamed.
"""

from typing import Final

from starlette.types import ASGIApp
from starlette_compress import CompressMiddleware

# Below this, headers cost what is saved.
BYTES_MIN: Final = 1_000


def compressed(app: ASGIApp) -> ASGIApp:
    """The app, with each answer of BYTES_MIN or more, or of several parts, compressed as Accept-Encoding
    says. Levels are the library's own (4): 309 kB of OpenAPI take some milliseconds.
    """
    return CompressMiddleware(app, minimum_size=BYTES_MIN)
