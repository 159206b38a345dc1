"""Serve static files. Browsers cache them forever under the hash of their content."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.documents import Documents
from kernel.brand import Brand

PREFIX = "/static/"
AT_ROOT = ("favicon.ico", "apple-touch-icon.png")
_HASH_CHARACTERS = 12
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    media_type: str
    digest: str


def static_url(name: str) -> str:
    return url_of(name, _files()[name])


def url_of(name: str, file: StaticFile) -> str:
    return f"{PREFIX}{name}?v={file.digest}"


def content_of(name: str) -> bytes:
    return _files()[name].content


def query_of(own: Mapping[str, StaticFile], path: str) -> bytes:
    name = path.removeprefix(PREFIX) if path.startswith(PREFIX) else ""
    file = own.get(name) or _files().get(name)
    return b"" if file is None else f"v={file.digest}".encode()


def routes(documents: Documents, own: Mapping[str, StaticFile]) -> list[Route]:
    paths = (PREFIX + "{name:path}", *(f"/{name}" for name in AT_ROOT))
    serve = partial(_serve, own)
    return [Route(path, documents.once(serve), methods=["GET"]) for path in paths]


def _serve(own: Mapping[str, StaticFile], request: Request) -> Response:
    path = request.url.path
    name = path.removeprefix(PREFIX if path.startswith(PREFIX) else "/")
    file = own.get(name) or _files().get(name)
    if file is None:
        raise HTTPException(404)
    is_current = request.scope["query_string"] == query_of(own, path) != b""
    headers = {"cache-control": _FOR_EVER if is_current else "no-cache"}
    return Response(file.content, headers=headers, media_type=file.media_type)


def file_of(name: str, content: bytes) -> StaticFile:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/") or media_type.endswith(("javascript", "xml")):
        media_type += "; charset=utf-8"
    digest = hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]
    return StaticFile(content, media_type, digest)


@cache
def _files() -> dict[str, StaticFile]:
    return dict(_read(files("gateway") / "static", ""))


def _read(folder: Traversable, prefix: str) -> list[tuple[str, StaticFile]]:
    found: list[tuple[str, StaticFile]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
            continue
        found.append((prefix + entry.name, file_of(entry.name, entry.read_bytes())))
    return found


_SHEETS: Final = ("claim.css", "checkout.css", "portal.css")


@dataclass(frozen=True, slots=True)
class BrandFiles:
    name: str
    logo: str | None
    files: Mapping[str, StaticFile]

    @property
    def icon(self) -> str:
        return self.logo or static_url("mark.svg")

    @property
    def icon_type(self) -> str:
        return "image/png" if ".png?" in self.icon else "image/svg+xml"

    def sheet(self, name: str) -> str:
        own = self.files.get(f"brand/{name}")
        return static_url(name) if own is None else url_of(f"brand/{name}", own)


@lru_cache(maxsize=8)
def brand_files(brand: Brand) -> BrandFiles:
    contents: dict[str, bytes] = {}
    if brand.color:
        contents = {f"brand/{sheet}": content_of(sheet) + _colours(brand) for sheet in _SHEETS}
    logo = None
    if brand.logo is not None:
        logo = f"brand/logo.{brand.logo.suffix}"
        contents[logo] = brand.logo.content
    files = {name: file_of(name, content) for name, content in contents.items()}
    return BrandFiles(brand.name, logo and url_of(logo, files[logo]), files)


def _colours(brand: Brand) -> bytes:
    return f"""
:root {{
  --accent: light-dark({brand.tone_in_light}, {brand.tone_in_dark});
  --brand: {brand.color};
  --on-brand: {brand.button_text};
  --accent-soft: var(--paper);
}}
.primary {{ background: {brand.color}; color: {brand.button_text}; }}
""".encode()
