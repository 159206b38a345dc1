"""Read a form with a file in it: multipart/form-data, in memory."""

from collections.abc import AsyncGenerator
from typing import Any, Final

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.html.forms import FIELDS_MAX, Form, form_of, read_form
from gateway.http.request_context import RequestContext
from kernel.errors import InvalidInput

_MULTIPART: Final = b"multipart/form-data"
FILES_MAX: Final = 1


async def read_upload(call: RequestContext[Any, Any]) -> Form:
    """Return the fields, with a file's text under its field's name."""
    kind = call.headers.get(b"content-type", b"")
    if not kind.lower().startswith(_MULTIPART):
        return read_form(call)
    parser = MultiPartParser(
        Headers({"content-type": kind.decode("latin-1")}),
        _whole(call.raw),
        max_files=FILES_MAX,
        max_fields=FIELDS_MAX,
        max_part_size=len(call.raw),
    )
    try:
        found = await parser.parse()
    except (MultiPartException, ValueError, KeyError):
        raise InvalidInput("The form can't be read.") from None
    fields: dict[str, list[str]] = {}
    try:
        for name, value in found.multi_items():
            text = await _text(value) if isinstance(value, UploadFile) else value
            fields.setdefault(name, []).append(text)
    finally:
        await found.close()
    return form_of(call, fields)


async def _text(file: UploadFile) -> str:
    content = await file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The file is not UTF-8 at byte {error.start}. Save it as CSV UTF-8."
        ) from None


async def _whole(raw: bytes) -> AsyncGenerator[bytes, None]:
    yield raw
