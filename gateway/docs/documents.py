"""Serve documents that are the same for all callers."""

from typing import Final

import msgspec
from starlette.responses import Response

from gateway.http.documents import MARKDOWN

CACHE: Final = {"cache-control": "public, max-age=300"}


def plain_document(text: str) -> Response:
    return Response(text, media_type="text/plain; charset=utf-8", headers=CACHE)


def json_document(value: object) -> Response:
    headers = {**CACHE, "vary": "Accept"}
    return Response(msgspec.json.encode(value), media_type="application/json", headers=headers)


def markdown_document(text: str) -> Response:
    headers = {**CACHE, "vary": "Accept"}
    return Response(text, media_type=f"{MARKDOWN}; charset=utf-8", headers=headers)
