"""Files that pages refer to: read once, named by their content, kept by browsers for ever.

Promise: an address with the hash of what it serves never changes its meaning, so it is immutable;
without the hash, or with an older one, the file is asked for again and answered by its ETag.
"""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PREFIX = "/static/"
AT_ROOT = ("favicon.ico", "apple-touch-icon.png")
_HASH_CHARACTERS = 12
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file's bytes, what they are, and the beginning of their SHA-256 in hex."""

    content: bytes
    media_type: str
    digest: str


def static_url(name: str) -> str:
    """The address of a file of gateway/static/; a KeyError for one that is not there."""
    return f"{PREFIX}{name}?v={_files()[name].digest}"


def routes() -> list[Route]:
    """Starlette's routes of the files, and of those that browsers and phones ask for without being told."""
    at_root = [Route(f"/{name}", _at_root, methods=["GET"]) for name in AT_ROOT]
    return [Route(PREFIX + "{name:path}", _serve, methods=["GET"]), *at_root]


async def _serve(request: Request) -> Response:
    return _answer(request, request.path_params["name"])


async def _at_root(request: Request) -> Response:
    return _answer(request, request.url.path.removeprefix("/"))


def _answer(request: Request, name: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise HTTPException(404)
    is_current = request.query_params.get("v") == file.digest
    etag = f'"{file.digest}"'
    headers = {"etag": etag, "cache-control": _FOR_EVER if is_current else "no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


@cache
def _files() -> dict[str, StaticFile]:
    return dict(_read(files("gateway") / "static", ""))


def _read(folder: Traversable, prefix: str) -> list[tuple[str, StaticFile]]:
    found: list[tuple[str, StaticFile]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
            continue
        content = entry.read_bytes()
        media_type = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
        if media_type.startswith("text/") or media_type.endswith(("javascript", "xml")):
            media_type += "; charset=utf-8"
        digest = hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]
        found.append((prefix + entry.name, StaticFile(content, media_type, digest)))
    return found
