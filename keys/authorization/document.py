"""Read a client's own metadata document, at the address that is its id. Pure.

It proves that its client_id is at that address, and where codes may go; not who wrote it. Source:
draft-ietf-oauth-client-id-metadata-document, section 4, and the Model Context Protocol of 2026-07-28.
"""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from kernel.limits import URL_CHARACTERS_MAX
from keys.authorization.client import McpClient, client_of
from keys.authorization.refused import AuthorizationRefused
from keys.oauth.redirect import URIS_MAX

_PLAIN: Final = re.compile(r"https://[^/?#@\s]+/[^#\s]*")
_SHARED_SECRETS: Final = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
_Name = Annotated[str, Meta(max_length=500)]
_Uri = Annotated[str, Meta(max_length=URL_CHARACTERS_MAX)]


class _Document(Struct, kw_only=True):
    """Further fields are ignored."""

    client_id: _Uri
    client_name: _Name | None = None
    redirect_uris: Annotated[list[_Uri], Meta(min_length=1, max_length=URIS_MAX)]
    token_endpoint_auth_method: _Name = "none"  # noqa: S105 - a word of RFC 7591
    client_secret: object = None


def check_document_url(client_id: str) -> None:
    """Raise AuthorizationRefused unless the text can be a client's address."""
    try:
        parts = urlsplit(client_id)
        is_plain = _PLAIN.fullmatch(client_id) is not None and parts.port != 0
    except ValueError:
        is_plain = False
    if (
        not is_plain
        or len(client_id) > URL_CHARACTERS_MAX
        or not client_id.isascii()
        or parts.path == "/"
        or not {".", ".."}.isdisjoint(parts.path.lower().replace("%2e", ".").split("/"))
    ):
        raise _wrong("a client_id that is an address is https, with a path and no fragment")


def client_of_document(client_id: str, body: bytes) -> McpClient:
    """Return the client that the document describes; raise AuthorizationRefused."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _wrong("the client's document is no client metadata in JSON") from None
    if document.client_id != client_id:
        raise _wrong("the client's document names another client_id")
    if document.client_secret is not None:
        raise _wrong("a client described by a public document has no client_secret")
    if document.token_endpoint_auth_method in _SHARED_SECRETS:
        raise _wrong("token_endpoint_auth_method must be none")
    name = document.client_name or urlsplit(client_id).netloc
    return client_of(client_id, name, document.redirect_uris, client_id)


def _wrong(detail: str) -> AuthorizationRefused:
    return AuthorizationRefused("invalid_client_metadata", detail, param="client_id")
