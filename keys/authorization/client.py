"""Identify MCP clients. A client registers here (RFC 7591), or publishes a document that describes it. The
document's address is then its ID (draft-ietf-oauth-client-id-metadata-document, 4).

Codes are sent only to registered addresses, which are compared as text. They can use https, a private-use scheme
(RFC 8252, 7.1), or http on the user's own machine with any port (7.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from kernel.clock import DAY_US, MINUTE_US
from kernel.errors import DomainError, InvalidInput, Unavailable
from kernel.ids import new_id
from kernel.limits import URL_CHARACTERS_MAX
from keys.normalise import NAME_CHARACTERS_MAX, normalise_name
from keys.oauth import redirect
from keys.oauth.redirect import LOOPBACK, URIS_MAX, RedirectRefused, Registered, split_port
from store.database import Row, Transaction

PRIVATE_SCHEMES: Final = frozenset(
    {"cursor", "vscode", "vscode-insiders", "vscodium", "windsurf", "zed", "claude", "jetbrains"}
)
_PRIVATE = re.compile(
    r"([a-z][a-z0-9+.-]{0,62}):/{1,2}[A-Za-z0-9._~!$&'()*+,;=:@/%-]*"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?"
)
_WEB: Final = ("http", "https")
# RFC 6749 (4.1.2.1, 5.2), RFC 7591 (3.2.2), RFC 8707 (2).
OAuthError = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_target",
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "unsupported_grant_type",
    "unsupported_response_type",
    "access_denied",
    "temporarily_unavailable",
]
UNUSED_MAX: Final = 5_000
UNUSED_KEPT_US: Final = DAY_US
USED_KEPT_US: Final = 400 * DAY_US
_UNUSED_SAFE_US: Final = 10 * MINUTE_US
_COLUMNS: Final = ("id", "name", "redirect_uris", "created_at")
_FIND = "SELECT id, name, redirect_uris FROM authorization_clients WHERE id = :id"
_COUNT = "SELECT COUNT(*) AS unused FROM authorization_clients WHERE used_at IS NULL"
_OLDEST = """
DELETE FROM authorization_clients WHERE id IN (
    SELECT id FROM authorization_clients
    WHERE used_at IS NULL AND created_at < :before ORDER BY created_at LIMIT 100)
"""
_PRUNE = """
DELETE FROM authorization_clients WHERE id IN (
    SELECT c.id FROM authorization_clients c
    WHERE (c.used_at IS NULL AND c.created_at < :unused_before)
       OR (c.used_at < :used_before AND c.id NOT IN (
           SELECT g.client_id FROM authorization_grants g
           JOIN authorization_tokens t ON t.grant_id = g.id))
    LIMIT :rows)
"""
_PLAIN: Final = re.compile(r"https://[^/?#@\s]+/[^#\s]*")
_SHARED_SECRETS: Final = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
_Name = Annotated[str, Meta(max_length=500)]
_Uri = Annotated[str, Meta(max_length=URL_CHARACTERS_MAX)]


def check_uris(uris: Sequence[str]) -> tuple[str, ...]:
    if not 1 <= len(uris) <= URIS_MAX:
        raise _refused(f"a client has 1 to {URIS_MAX} redirect_uris")
    web = [uri for uri in uris if uri.partition(":")[0] in _WEB]
    for uri in uris:
        if uri not in web:
            _check_private(uri)
    if web:
        try:
            redirect.register("", web)
        except InvalidInput as error:
            raise _refused(error.detail) from None
    return tuple(dict.fromkeys(uris))


def is_registered(uri: str, registered: Sequence[str]) -> bool:
    return len(uri) <= URL_CHARACTERS_MAX and Registered("", tuple(registered)).holds(uri)


def with_answer(uri: str, answer: Sequence[tuple[str, str | None]]) -> str:
    """Add parameters such as code, state and iss to the registered address, except those that are None."""
    try:
        return redirect.with_parameters(uri, answer)
    except RedirectRefused as error:
        raise _refused(error.detail) from None


def is_on_device(uri: str) -> bool:
    """Return whether the address belongs to a program on the user's machine. Nobody can verify such a program."""
    parts = urlsplit(uri)
    return parts.scheme not in _WEB or split_port(parts.netloc)[0] in LOOPBACK


def destination(uri: str) -> str:
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in _WEB else f"{parts.scheme}:"


def _check_private(uri: str) -> None:
    found = _PRIVATE.fullmatch(uri)
    if found is None or len(uri) > URL_CHARACTERS_MAX:
        raise _refused("an address is https, http on loopback, or a program's own scheme")
    with_answer(uri, ())  # refuse an address that already has one of our response's parameters
    scheme = found[1]
    if "." not in scheme and scheme not in PRIVATE_SCHEMES:
        known = ", ".join(sorted(PRIVATE_SCHEMES))
        raise _refused(f"a program's own scheme holds a dot (com.example.app), or is of: {known}")


class AuthorizationRefused(DomainError):
    """A refusal in OAuth's format. `error` is for the client program."""

    def __init__(self, error: OAuthError, detail: str, *, param: str | None = None) -> None:
        super().__init__(detail, param=param, reason=error)
        self.error: OAuthError = error


def _refused(detail: str) -> AuthorizationRefused:
    return AuthorizationRefused("invalid_redirect_uri", detail, param="redirect_uris")


class ClientUnknown(AuthorizationRefused):
    """No client has this client_id. A client whose registration has expired can register again."""

    def __init__(self, detail: str) -> None:
        super().__init__("invalid_client", detail, param="client_id")


@dataclass(frozen=True, slots=True)
class McpClient:
    """An MCP client. `document_url` is its ID and the address of its description. It is None if the client
    registered here.
    """

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    document_url: str | None


def client_of(
    client_id: str, name: str | None, redirect_uris: Sequence[str], document_url: str | None
) -> McpClient:
    """Check how a client describes itself. Raise AuthorizationRefused if the description is invalid."""
    uris = check_uris(redirect_uris)
    try:
        named = normalise_name(name or destination(uris[0]) or "MCP client")
    except InvalidInput:
        raise AuthorizationRefused(
            "invalid_client_metadata",
            f"client_name is 1 to {NAME_CHARACTERS_MAX} characters that can be printed",
            param="client_name",
        ) from None
    return McpClient(client_id, named, uris, document_url)


async def register(
    tx: Transaction, *, name: str | None, redirect_uris: Sequence[str], now_us: int
) -> McpClient:
    client = client_of(new_id("mcc"), name, redirect_uris, None)
    await _make_room(tx, now_us)
    row = (client.id, client.name, " ".join(client.redirect_uris), now_us)
    await tx.insert("authorization_clients", _COLUMNS, [row])
    return client


async def find(tx: Transaction, client_id: str) -> McpClient | None:
    row = await tx.fetch_one(_FIND, id=client_id)
    return None if row is None else _read(row)


async def note_used(tx: Transaction, client_id: str, *, now_us: int) -> None:
    await tx.execute(
        "UPDATE authorization_clients SET used_at = :now_us WHERE id = :id",
        now_us=now_us,
        id=client_id,
    )


async def prune(tx: Transaction, *, now_us: int, limit: int) -> int:
    """Delete registrations that got no consent within a day, and those unused for 400 days."""
    return await tx.execute(
        _PRUNE,
        unused_before=now_us - UNUSED_KEPT_US,
        used_before=now_us - USED_KEPT_US,
        rows=limit,
    )


async def _make_room(tx: Transaction, now_us: int) -> None:
    row = await tx.fetch_one(_COUNT)
    if row is None or row["unused"] < UNUSED_MAX:
        return
    if not await tx.execute(_OLDEST, before=now_us - _UNUSED_SAFE_US):
        raise Unavailable(
            "Too many clients were just registered. Try again in a minute.", retry_after_s=60
        )


def _read(row: Row) -> McpClient:
    return McpClient(row["id"], row["name"], tuple(row["redirect_uris"].split()), None)


class _Document(Struct, kw_only=True):
    client_id: _Uri
    client_name: _Name | None = None
    redirect_uris: Annotated[list[_Uri], Meta(min_length=1, max_length=URIS_MAX)]
    token_endpoint_auth_method: _Name = "none"  # noqa: S105 - a word of RFC 7591
    client_secret: object = None


def check_document_url(client_id: str) -> None:
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
