"""Register the MCP clients that may request access (RFC 7591), or read a client's own document at the address
that is its id. Neither proves who they are; the consent page says so.

Invariant: a client is public and has no secret; PKCE proves that the requester of access also fetches the
token. Writes authorization_clients, which belong to no account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel.clock import DAY_US, MINUTE_US
from kernel.errors import InvalidInput, Unavailable
from kernel.ids import new_id
from keys.authorization.redirects import check_uris, destination
from keys.authorization.refused import AuthorizationRefused
from keys.label import NAME_CHARACTERS_MAX, normalise_name
from store.database import Row, Transaction

UNUSED_MAX: Final = 5_000
UNUSED_KEPT_US: Final = DAY_US
USED_KEPT_US: Final = 400 * DAY_US
# A registration that is followed by a consent is not as old.
_UNUSED_SAFE_US: Final = 10 * MINUTE_US
_COLUMNS: Final = ("id", "name", "redirect_uris", "created_at")


@dataclass(frozen=True, slots=True)
class McpClient:
    """A client that requests access. document_url is its id and describes it; null: registered here."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    document_url: str | None


def client_of(
    client_id: str, name: str | None, redirect_uris: Sequence[str], document_url: str | None
) -> McpClient:
    """Check a client's own description; without a name it is called by its host. Raises AuthorizationRefused."""
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
    """Register a client; raise AuthorizationRefused, or Unavailable if too many were just made."""
    client = client_of(new_id("mcc"), name, redirect_uris, None)
    await _make_room(tx, now_us)
    row = (client.id, client.name, " ".join(client.redirect_uris), now_us)
    await tx.insert("authorization_clients", _COLUMNS, [row])
    return client


async def find(tx: Transaction, client_id: str) -> McpClient | None:
    row = await tx.fetch_one(_FIND, id=client_id)
    return None if row is None else _read(row)


async def note_used(tx: Transaction, client_id: str, *, now_us: int) -> None:
    """Record a consent, so that the registration stays."""
    await tx.execute(
        "UPDATE authorization_clients SET used_at = :now_us WHERE id = :id",
        now_us=now_us,
        id=client_id,
    )


async def prune(tx: Transaction, *, now_us: int, limit: int) -> int:
    """Delete registrations without a consent for a day or a use for 400; return how many."""
    return await tx.execute(
        _PRUNE,
        unused_before=now_us - UNUSED_KEPT_US,
        used_before=now_us - USED_KEPT_US,
        rows=limit,
    )


_FIND = "SELECT id, name, redirect_uris FROM authorization_clients WHERE id = :id"
_COUNT = "SELECT COUNT(*) AS unused FROM authorization_clients WHERE used_at IS NULL"
_OLDEST = """
DELETE FROM authorization_clients WHERE id IN (
    SELECT id FROM authorization_clients
    WHERE used_at IS NULL AND created_at < :before ORDER BY created_at LIMIT 100)
"""
# One read finds who still has a token: no index leads from a client to its grants.
_PRUNE = """
DELETE FROM authorization_clients WHERE id IN (
    SELECT c.id FROM authorization_clients c
    WHERE (c.used_at IS NULL AND c.created_at < :unused_before)
       OR (c.used_at < :used_before AND c.id NOT IN (
           SELECT g.client_id FROM authorization_grants g
           JOIN authorization_tokens t ON t.grant_id = g.id))
    LIMIT :rows)
"""


async def _make_room(tx: Transaction, now_us: int) -> None:
    """Limit registrations, which strangers make freely, so that no flood fills the table."""
    row = await tx.fetch_one(_COUNT)
    if row is None or row["unused"] < UNUSED_MAX:
        return
    if not await tx.execute(_OLDEST, before=now_us - _UNUSED_SAFE_US):
        raise Unavailable("Too many clients were just registered.", retry_after_s=60)


def _read(row: Row) -> McpClient:
    return McpClient(row["id"], row["name"], tuple(row["redirect_uris"].split()), None)
