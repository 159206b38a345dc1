"""Issue tokens to MCP clients. A code is exchanged for the first pair, and each refresh token for the next
pair.

If a response was lost, the client repeats its refresh. Within REPEAT_US, it gets the same pair if the new refresh
token is unused. Any other reuse means that the token was stolen. All tokens issued from that code are then revoked
(RFC 9700, 4.14.2).

A pair is computed from the token that it replaces and a secret key. So all processes compute the same pair.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.clock import DAY_US, HOUR_US, SECOND_US
from kernel.ids import BASE62, new_id
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.account import lock_tenants
from keys.account_access import IS_LIVE_OPEN, SUSPENDED_FOR
from keys.api_keys import api_key, lookup
from keys.api_keys.api_key import ApiKey
from keys.api_keys.lookup import judge_chain, load_links
from keys.authorization import grant as mcp_grant
from keys.authorization.client import AuthorizationRefused
from keys.authorization.grant import IssuedCode, McpGrant
from keys.granted import why_ended
from keys.principal import Environment, Link, Principal, Refusal
from keys.staging_quota import FULL_UNTIL
from keys.token_format import checksum, digest
from keys.tokens import access_token
from store.database import Row, Transaction
from store.row_mapping import WORDS, RowMapping

ACCESS_PREFIX: Final = "mat_"
REFRESH_PREFIX: Final = "mrt_"
_CHARACTERS: Final = 26  # base62: 154 bits
ACCESS_LIFE_US: Final = HOUR_US
REFRESH_LIFE_US: Final = 90 * DAY_US
REPEAT_US: Final = 30 * SECOND_US
KEPT_US: Final = DAY_US
_USE = "UPDATE authorization_tokens SET used_at = :now_us WHERE digest = :digest"
_END = """
UPDATE authorization_tokens SET revoked_at = :now_us
WHERE family_id = :family_id AND revoked_at IS NULL
"""
_ALIVE = """
SELECT COUNT(*) AS alive FROM authorization_tokens
WHERE grant_id = :grant_id AND kind = 'refresh' AND used_at IS NULL AND revoked_at IS NULL
  AND expires_at > :now_us
"""
_PRINCIPALS = f"""
SELECT t.digest, t.expires_at, t.revoked_at, t.scopes, t.account_id, t.environment, g.key_id,
    a.is_sandbox, a.email, e.clock_ahead_us, {IS_LIVE_OPEN}, {SUSPENDED_FOR}, {FULL_UNTIL}
FROM authorization_tokens t
JOIN authorization_grants g ON g.id = t.grant_id
JOIN accounts a ON a.id = t.account_id
JOIN account_environments e ON e.account_id = t.account_id AND e.environment = t.environment
WHERE t.digest IN :digests[text] AND t.kind = 'access'
"""
_PRUNE = """
DELETE FROM authorization_tokens WHERE digest IN (
    SELECT digest FROM authorization_tokens WHERE expires_at < :before LIMIT :rows)
"""


class TokenMaker:
    """Compute tokens from a 32-byte key that all processes share."""

    def __init__(self, key: bytes) -> None:
        info = b"mcp tokens 1"
        self._key = HKDF(algorithm=SHA256(), length=len(key), salt=None, info=info).derive(key)

    def pair_of(self, secret: str) -> tuple[str, str]:
        return self._made(ACCESS_PREFIX, secret), self._made(REFRESH_PREFIX, secret)

    def _made(self, prefix: str, secret: str) -> str:
        mac = hmac.digest(self._key, f"{prefix} {secret}".encode(), hashlib.sha256)
        number, characters = int.from_bytes(mac, "big"), ""
        for _ in range(_CHARACTERS):
            number, value = divmod(number, len(BASE62))
            characters += BASE62[value]
        return f"{prefix}{characters}{checksum(characters)}"


class TokenPair(NamedTuple):
    access: str
    refresh: str
    expires_in_s: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    digest: str
    kind: str
    account_id: str
    environment: Environment
    grant_id: str
    family_id: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    used_at: int | None
    revoked_at: int | None

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)


async def exchange(
    tx: Transaction,
    maker: TokenMaker,
    code: str,
    *,
    client_id: str,
    redirect_uri: str,
    verifier: str,
    resource: str,
    now_us: int,
) -> TokenPair | AuthorizationRefused:
    """Return the first pair of tokens for a code. Raise AuthorizationRefused if the code can't be exchanged.

    The account's lock lets only one of several calls succeed. If the code was used before, its tokens are
    revoked. The refusal is then returned, because an exception would undo the revocation.
    """
    found = await mcp_grant.find_code(tx, code)
    if found is None or found.client_id != client_id:
        raise _no_code()
    await lock_tenants(tx, [found.tenant])
    found = await mcp_grant.find_code(tx, code)
    if found is None:
        raise _no_code()
    if found.family_id is not None:
        await _end_family(tx, found.family_id, now_us)
        return _no_code()
    grant, key = await _usable(tx, found.grant_id, now_us)
    _check_code(found, grant, redirect_uri, verifier, resource, now_us)
    why = await why_ended(tx, found.consent, now_us=now_us)
    if why is not None:
        raise AuthorizationRefused("invalid_grant", f"{why}: sign in again", param="code")
    family_id = new_id("mcf")
    await mcp_grant.mark_code_used(tx, found, family_id)
    return await _issue(tx, maker, code, grant, key, family_id, found.scopes, now_us)


async def refresh(
    tx: Transaction,
    maker: TokenMaker,
    token: str,
    *,
    client_id: str,
    scopes: Iterable[str] | None,
    resource: str | None,
    now_us: int,
) -> TokenPair | AuthorizationRefused:
    """Return the next pair of tokens, or a refusal if tokens were revoked. Raise any other refusal."""
    found = await _find(tx, token, "refresh")
    if found is None:
        raise _no_token()
    await lock_tenants(tx, [found.tenant])
    found = await _find(tx, token, "refresh")
    if found is None or found.revoked_at is not None or found.expires_at <= now_us:
        raise _no_token()
    grant, key = await _usable(tx, found.grant_id, now_us)
    if grant.client_id != client_id:
        raise _no_token()
    if resource is not None and resource != grant.resource:
        raise AuthorizationRefused("invalid_target", "the token is for another resource")
    if found.used_at is not None:
        return await _again(tx, maker, token, found, now_us)
    wanted = _narrowed(found.scopes, scopes)
    await tx.execute(_USE, digest=found.digest, now_us=now_us)
    return await _issue(tx, maker, token, grant, key, found.family_id, wanted, now_us)


async def revoke(tx: Transaction, token: str, *, client_id: str, now_us: int) -> ApiKey | None:
    """Revoke all tokens issued from this token's code (RFC 7009). If the grant has no other tokens, revoke and return
    its key.

    Return None if the token is unknown or belongs to another client.
    """
    found = await _find(tx, token)
    if found is None:
        return None
    await lock_tenants(tx, [found.tenant])
    grant = await mcp_grant.get(tx, found.grant_id)
    if grant.client_id != client_id:
        return None
    await _end_family(tx, found.family_id, now_us)
    row = await tx.fetch_one(_ALIVE, grant_id=grant.id, now_us=now_us)
    before = await api_key.get(tx, grant.tenant, grant.key_id)
    if (row is not None and row["alive"]) or before.revoked_at is not None:
        return None
    return await api_key.revoke(tx, grant.tenant, grant.key_id, asker=None, now_us=now_us)


async def load_principals(
    tx: Transaction, digests: Iterable[str], *, now_us: int
) -> dict[str, Principal | Refusal]:
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    rows = await tx.fetch(_PRINCIPALS, digests=wanted)
    links = await load_links(tx, {row["key_id"] for row in rows})
    return {row["digest"]: _principal(row, links, now_us) for row in rows}


async def prune(tx: Transaction, *, now_us: int, limit: int) -> int:
    """Delete tokens that are no longer valid. Used refresh tokens are stored for another day, so that a second
    use is noticed.
    """
    return await tx.execute(_PRUNE, before=now_us - KEPT_US, rows=limit)


_ROWS = RowMapping(_Token, stored={"scopes": WORDS})
_FIND = f"SELECT {_ROWS.of('t')} FROM authorization_tokens t WHERE t.digest = :digest"


async def _find(tx: Transaction, token: str, kind: str | None = None) -> _Token | None:
    row = await tx.fetch_one(_FIND, digest=digest(token))
    found = None if row is None else _ROWS.read(row)
    return None if found is None or kind not in {None, found.kind} else found


async def _usable(tx: Transaction, grant_id: str, now_us: int) -> tuple[McpGrant, ApiKey]:
    grant = await mcp_grant.get(tx, grant_id)
    key = await api_key.get(tx, grant.tenant, grant.key_id)
    own_now_us = await sandbox_clock.now_of(tx, grant.tenant, now_us=now_us)
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= own_now_us):
        raise AuthorizationRefused("invalid_grant", "the key behind it ended: sign in again")
    return grant, key


def _check_code(
    code: IssuedCode,
    grant: McpGrant,
    redirect_uri: str,
    verifier: str,
    resource: str,
    now_us: int,
) -> None:
    if code.expires_at <= now_us or code.redirect_uri != redirect_uri:
        raise _no_code()
    if not code.is_answered_by(verifier):
        raise AuthorizationRefused(
            "invalid_grant", "the code_verifier does not fit the code", param="code_verifier"
        )
    if resource != grant.resource:
        raise AuthorizationRefused(
            "invalid_target", "the code is for another resource", param="resource"
        )


async def _again(
    tx: Transaction, maker: TokenMaker, token: str, found: _Token, now_us: int
) -> TokenPair | AuthorizationRefused:
    """Handle a refresh token's second use. Return the same pair if that is safe. Otherwise, revoke all tokens
    issued from its code.
    """
    access, successor = maker.pair_of(token)
    following, first = await _find(tx, successor), await _find(tx, access)
    is_recent = found.used_at is not None and 0 <= now_us - found.used_at < REPEAT_US
    if is_recent and first is not None and following is not None and following.used_at is None:
        left_s = max(0, first.expires_at - now_us) // SECOND_US
        return TokenPair(access, successor, left_s, first.scopes)
    await _end_family(tx, found.family_id, now_us)
    return _no_token()


def _narrowed(held: tuple[str, ...], wanted: Iterable[str] | None) -> tuple[str, ...]:
    if wanted is None:
        return held
    asked = set(wanted)
    if not asked or not asked <= set(held):
        raise AuthorizationRefused(
            "invalid_scope", "a refresh asks for scopes that the token has", param="scope"
        )
    return tuple(scope for scope in held if scope in asked)


async def _issue(
    tx: Transaction,
    maker: TokenMaker,
    secret: str,
    grant: McpGrant,
    key: ApiKey,
    family_id: str,
    scopes: tuple[str, ...],
    now_us: int,
) -> TokenPair:
    texts = maker.pair_of(secret)
    ahead_us = await sandbox_clock.ahead_us(tx, grant.tenant)
    key_end = None if key.expires_at is None else key.expires_at - ahead_us
    lives = (("access", ACCESS_LIFE_US), ("refresh", REFRESH_LIFE_US))
    rows = [
        _Token(
            digest(text),
            kind,
            grant.account_id,
            grant.environment,
            grant.id,
            family_id,
            scopes,
            now_us,
            min(now_us + life_us, now_us + life_us if key_end is None else key_end),
            None,
            None,
        )
        for text, (kind, life_us) in zip(texts, lives, strict=True)
    ]
    await tx.insert("authorization_tokens", _ROWS.columns, [_ROWS.write(row) for row in rows])
    return TokenPair(*texts, (rows[0].expires_at - now_us) // SECOND_US, scopes)


async def _end_family(tx: Transaction, family_id: str, now_us: int) -> None:
    await tx.execute(_END, family_id=family_id, now_us=now_us)


def _principal(row: Row, links: Mapping[str, Link], now_us: int) -> Principal | Refusal:
    key_id = row["key_id"]
    if row["revoked_at"] is not None:
        return Refusal("revoked", key_id)
    if row["environment"] == "live" and not row["is_live_open"]:
        return Refusal("live_closed", key_id)
    if row["expires_at"] <= now_us:
        return Refusal("expired", key_id)
    allowed = judge_chain([key_id], links, now_us=now_us, may_administer=False)
    if isinstance(allowed, Refusal):
        return allowed
    return Principal(
        account_id=row["account_id"],
        environment=row["environment"],
        kind="mcp",
        credential_id=key_id,
        key_id=key_id,
        lineage=(key_id,),
        scopes=allowed.scopes & frozenset(row["scopes"].split()),
        ip_allow_lists=allowed.ip_allow_lists,
        expires_at=min(row["expires_at"], allowed.expires_at or row["expires_at"]),
        is_sandbox=bool(row["is_sandbox"]),
        approval_threshold_cents=allowed.approval_threshold_cents,
        account_email=row["email"],
        is_paused=allowed.is_paused,
        clock_ahead_us=row["clock_ahead_us"],
        suspended_for=row["suspended_for"],
        staging_full_until=row["staging_full_until"],
    )


def _no_code() -> AuthorizationRefused:
    return AuthorizationRefused(
        "invalid_grant", "the code is unknown, used, too old or not this client's", param="code"
    )


def _no_token() -> AuthorizationRefused:
    return AuthorizationRefused(
        "invalid_grant",
        "the refresh token is unknown, used, ended or not this client's",
        param="refresh_token",
    )


_HOLDING_KEY: Final = f"""
SELECT k.client_id, k.lineage, k.environment, {IS_LIVE_OPEN} FROM api_keys k
JOIN accounts a ON a.id = k.account_id WHERE k.id = :id
"""
_KEY_DIGESTS: Final = "SELECT digest FROM api_key_secrets WHERE key_id = :id"
_TOKEN_DIGEST: Final = "SELECT digest FROM access_tokens WHERE id = :id"  # noqa: S105 - a statement
# A signed-in client's key lasts as long as the client can get another token.
_SIGNED_IN: Final = """
SELECT t.scopes FROM authorization_tokens t
JOIN authorization_grants g ON g.id = t.grant_id
WHERE g.key_id = :id AND t.kind = 'refresh' AND t.revoked_at IS NULL AND t.used_at IS NULL
  AND t.expires_at > :now_us
"""


async def scopes_of(tx: Transaction, credential_id: str, *, now_us: int) -> frozenset[str]:
    """Return the scopes that a key or token has now. If it is paused or no longer valid, it has none."""
    key = await tx.fetch_one(_HOLDING_KEY, id=credential_id)
    if key is not None and key["client_id"] is not None:
        if key["environment"] == "live" and not key["is_live_open"]:
            return frozenset()
        return await _of_client(tx, credential_id, key["lineage"], now_us=now_us)
    load = access_token.load_principals if key is None else lookup.load_principals
    rows = await tx.fetch(_TOKEN_DIGEST if key is None else _KEY_DIGESTS, id=credential_id)
    found = await load(tx, [row["digest"] for row in rows], now_us=now_us)
    held: frozenset[str] = frozenset()
    for one in found.values():
        if isinstance(one, Principal) and not one.is_paused:
            held |= one.scopes
    return held


async def _of_client(tx: Transaction, key_id: str, lineage: str, *, now_us: int) -> frozenset[str]:
    chain = (key_id, *lineage.split())
    links = await lookup.load_links(tx, chain)
    allowed = lookup.judge_chain(chain, links, now_us=now_us, may_administer=False)
    if isinstance(allowed, Refusal) or allowed.is_paused:
        return frozenset()
    rows = await tx.fetch(_SIGNED_IN, id=key_id, now_us=now_us)
    return allowed.scopes & {scope for row in rows for scope in row["scopes"].split()}
