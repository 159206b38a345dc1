"""Read a request's body, with at most the route's limit plus one packet in memory."""

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final, Literal, TypeVar

from starlette.types import Message, Receive

from kernel.errors import DomainError
from kernel.limits import BODY_BYTES_MAX

CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_JSON: Final = b"application/json"
_JSON_SUFFIX: Final = b"+json"
_FORM: Final = b"application/x-www-form-urlencoded"
CSV: Final = b"text/csv"
EVENT: Final = b"application/cloudevents+json"
EVENTS: Final = b"application/cloudevents-batch+json"
_MEDIA_TYPE_BYTES_MAX: Final = 200
_UTF8: Final = frozenset({b"utf-8", b"utf8"})
_TAKES_JSON: Final = frozenset({"json", "json_or_form", "json_or_csv", "json_or_events"})
_ASIDE: Final = ThreadPoolExecutor(1, thread_name_prefix="reading")
_TAKES_FORMS: Final = frozenset({"form", "json_or_form"})

# json_or_events also accepts CloudEvents. raw is for a provider's signed bytes.
Media = Literal["json", "form", "json_or_form", "json_or_csv", "json_or_events", "raw"]

T = TypeVar("T")


class BodyTooLarge(DomainError):
    pass


class MediaTypeRefused(DomainError):
    pass


class ClientGone(Exception):
    pass


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], bytes_max: int = BODY_BYTES_MAX
) -> bytes:
    length = headers.get(b"content-length")
    if length is not None and _LENGTH.fullmatch(length) and int(length) > bytes_max:
        raise _too_large(bytes_max)
    first, has_more = _part(await receive())
    if not has_more and len(first) <= bytes_max:
        return first
    body = bytearray(first)
    while has_more and len(body) <= bytes_max:
        part, has_more = _part(await receive())
        body += part
    if len(body) > bytes_max:
        raise _too_large(bytes_max)
    return bytes(body)


async def read_aside(read: Callable[[], T]) -> T:
    """Parse a long body in a thread, because a malicious one can take a second."""
    return await asyncio.get_running_loop().run_in_executor(_ASIDE, read)


def check_media_type(headers: Mapping[bytes, bytes], media: Media = "json") -> bool:
    """Return whether the body is a form. Raise MediaTypeRefused for a media type that isn't accepted."""
    return media_type_of(headers, media) == _FORM


def media_type_of(headers: Mapping[bytes, bytes], media: Media) -> bytes:
    said = headers.get(b"content-type", b"")
    kind = _taken(said, media) if len(said) <= _MEDIA_TYPE_BYTES_MAX else None
    if kind is None:
        wanted = _FORM if media in {"form", "json_or_form"} else _JSON
        raise _media_type("Content-Type", "send the body as Content-Type: {}", wanted.decode())
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raise _media_type("Content-Encoding", "send the body uncompressed", "identity")
    return kind


def has_control(text: str) -> bool:
    return CONTROL.search(text) is not None


def _media_type(header: str, detail: str, right: str) -> MediaTypeRefused:
    told = detail.format(right)
    errors = [{"param": header, "detail": told, "example": right}]
    return MediaTypeRefused(told, param=header, extra={"errors": errors})


@lru_cache(maxsize=128)
def _taken(said: bytes, media: Media) -> bytes | None:
    kind = _essence(said)
    return kind if _is_taken(kind, media) else None


def _is_taken(kind: bytes, media: Media) -> bool:
    if kind == _FORM:
        return media in _TAKES_FORMS
    if kind == CSV:
        return media == "json_or_csv"
    return media in _TAKES_JSON and _is_json(kind)


def _essence(kind: bytes) -> bytes:
    """Return the lower-case media type, or empty if it has parameters other than charset=utf-8.

    No regular expression is used, because optional spaces made one take quadratic time.
    """
    essence, *parameters = (part.strip() for part in kind.lower().split(b";"))
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        is_utf8 = name.rstrip() == b"charset" and value.strip().strip(b'"') in _UTF8
        if parameter and not is_utf8:
            return b""
    return essence


def _is_json(essence: bytes) -> bool:
    return essence == _JSON or (
        essence.startswith(b"application/") and essence.endswith(_JSON_SUFFIX)
    )


def _part(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than {bytes_max} bytes.", extra={"limit": bytes_max})
