"""Reads a request's body: JSON, or a form where the route takes one; bounded in bytes.

Promises: at most BODY_BYTES_MAX and one packet are kept in memory, whatever Content-Length says.
How long a body may take to arrive is the server's limit (gateway/serve.py): a timer here would cost
more than reading a small body does.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from starlette.types import Message, Receive

from kernel.errors import DomainError
from kernel.limits import BODY_BYTES_MAX

_LENGTH = re.compile(rb"[0-9]{1,18}")
_JSON_TYPE = re.compile(
    rb'application/(?:json|[a-z0-9.-]{1,40}\+json)\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*\Z',
    re.IGNORECASE,
)
_FORM_TYPE = re.compile(
    rb'application/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*\Z',
    re.IGNORECASE,
)

# What a route's body is: json, form (urlencoded), either, or raw: whatever a provider sends, its
# bytes being what is signed.
Media = Literal["json", "form", "json_or_form", "raw"]
_TAKEN: Final[Mapping[Media, tuple[re.Pattern[bytes], ...]]] = {
    "json": (_JSON_TYPE,),
    "form": (_FORM_TYPE,),
    "json_or_form": (_JSON_TYPE, _FORM_TYPE),
    "raw": (),
}


class BodyTooLarge(DomainError):
    """The body is longer than BODY_BYTES_MAX."""


class MediaTypeRefused(DomainError):
    """The body is not announced as JSON in UTF-8, or it is compressed."""


class ClientGone(Exception):
    """The client closed the connection before its body was complete; nobody reads an answer."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
    """All bytes of the body; raises BodyTooLarge or ClientGone."""
    length = headers.get(b"content-length")
    if length is not None and _LENGTH.fullmatch(length) and int(length) > BODY_BYTES_MAX:
        raise _too_large()
    first, has_more = _part(await receive())
    if not has_more and len(first) <= BODY_BYTES_MAX:
        return first
    body = bytearray(first)
    while has_more and len(body) <= BODY_BYTES_MAX:
        part, has_more = _part(await receive())
        body += part
    if len(body) > BODY_BYTES_MAX:
        raise _too_large()
    return bytes(body)


def check_media_type(headers: Mapping[bytes, bytes], media: Media = "json") -> bool:
    """Whether the body is a form; raises MediaTypeRefused unless it is what the route takes."""
    kind = headers.get(b"content-type", b"")
    if kind == b"application/json" and media != "form":
        is_form = False
    else:
        taken = next((one for one in _TAKEN[media] if one.match(kind)), None)
        if taken is None:
            wanted = "application/json" if media == "json" else "application/x-www-form-urlencoded"
            raise MediaTypeRefused(f"send the body as Content-Type: {wanted}", param="Content-Type")
        is_form = taken is _FORM_TYPE
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise MediaTypeRefused("send the body uncompressed", param="Content-Encoding")
    return is_form


def _part(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(
        f"the body is longer than {BODY_BYTES_MAX} bytes", extra={"limit": BODY_BYTES_MAX}
    )
