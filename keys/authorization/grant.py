"""Record which MCP client acts for which account, and issue codes for consents.

A grant's key never changes. If the key is revoked, a later consent can't revive old tokens. A code is valid for
a minute and can be exchanged once. The caller holds the account's lock.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from kernel.clock import DAY_US, MINUTE_US
from kernel.ids import BASE62, new_id
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.account_access import check_live
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.authorization import client as mcp_client
from keys.authorization.client import McpClient
from keys.granted import Granted
from keys.oauth.grant import is_proven
from keys.principal import Environment, Principal
from keys.token_format import digest
from store.database import Row, Transaction
from store.row_mapping import WORDS, RowMapping

_RENEW = """
UPDATE authorization_grants SET client_name = :client_name, scopes = :scopes, resource = :resource,
    renewed_at = :now_us
WHERE id = :id
"""
CODE_LIFE_US: Final = MINUTE_US
CODE_KEPT_US: Final = DAY_US  # used codes are stored this long, so that a second use is noticed
CODE_CHARACTERS: Final = 43  # base62: 256 bits
CODES_MAX: Final = (
    20  # the maximum number of an account's unused codes; the oldest are deleted first
)


@dataclass(frozen=True, slots=True)
class McpGrant:
    id: str
    account_id: str
    environment: Environment
    client_id: str
    client_name: str
    key_id: str
    scopes: tuple[str, ...]
    resource: str
    created_at: int
    renewed_at: int

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)


async def get(tx: Transaction, grant_id: str) -> McpGrant:
    row = await tx.fetch_one(_GET, id=grant_id)
    assert row is not None, "grants go after their codes and tokens"
    return _ROWS.read(row)


async def find_usable(
    tx: Transaction, tenant: Tenant, client_id: str, *, now_us: int
) -> tuple[McpGrant, ApiKey] | None:
    row = await _newest(tx, tenant, client_id, now_us)
    if row is None:
        return None
    grant = _ROWS.read(row)
    return grant, await api_key.get(tx, tenant, grant.key_id)


async def make_or_renew(
    tx: Transaction,
    *,
    asker: Principal,
    client: McpClient,
    limits: NewKey,
    resource: str,
    now_us: int,
) -> tuple[McpGrant, ApiKey, bool]:
    """Make or renew the grant for a consent. Return it, its key, and whether the key is new."""
    assert limits.scopes is not None, "the page says which scopes"
    await check_live(tx, asker.tenant)
    usable = await _newest(tx, asker.tenant, client.id, now_us)
    if client.document_url is None:
        await mcp_client.note_used(tx, client.id, now_us=now_us)
    if usable is None:
        return await _make(tx, asker, client, limits, resource, now_us)
    grant = _ROWS.read(usable)
    key = await api_key.patch(
        tx,
        asker.tenant,
        grant.key_id,
        changes={
            **{name: value for name, value in limits.limits.items() if name != "purpose"},
            "scopes": limits.scopes,
            "expires_at": limits.expires_at,
        },
        asker=asker,
        now_us=now_us,
    )
    await tx.execute(
        _RENEW,
        id=grant.id,
        client_name=client.name,
        scopes=" ".join(key.scopes),
        resource=resource,
        now_us=now_us,
    )
    return await get(tx, grant.id), key, False


async def _make(
    tx: Transaction,
    asker: Principal,
    client: McpClient,
    limits: NewKey,
    resource: str,
    now_us: int,
) -> tuple[McpGrant, ApiKey, bool]:
    key = await api_key.mint_for_client(
        tx, parent=asker, new=limits, client_id=client.id, now_us=now_us
    )
    grant = McpGrant(
        id=new_id("mcg"),
        account_id=key.account_id,
        environment=key.environment,
        client_id=client.id,
        client_name=client.name,
        key_id=key.id,
        scopes=key.scopes,
        resource=resource,
        created_at=now_us,
        renewed_at=now_us,
    )
    await tx.insert("authorization_grants", _ROWS.columns, [_ROWS.write(grant)])
    return grant, key, True


async def _newest(tx: Transaction, tenant: Tenant, client_id: str, now_us: int) -> Row | None:
    return await tx.fetch_one(
        _NEWEST,
        account_id=tenant.account_id,
        environment=tenant.environment,
        client_id=client_id,
        own_now_us=await sandbox_clock.now_of(tx, tenant, now_us=now_us),
    )


_ROWS = RowMapping(McpGrant, stored={"scopes": WORDS})
_GET = f"SELECT {_ROWS.of('g')} FROM authorization_grants g WHERE g.id = :id"
_NEWEST = f"""
SELECT {_ROWS.of("g")} FROM authorization_grants g
JOIN api_keys k ON k.id = g.key_id
WHERE g.account_id = :account_id AND g.environment = :environment AND g.client_id = :client_id
  AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :own_now_us)
ORDER BY g.id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """An authorization code. `family_id` identifies its tokens, once they exist."""

    digest: str
    account_id: str
    environment: Environment
    grant_id: str
    client_id: str
    redirect_uri: str
    challenge: str
    scopes: tuple[str, ...]
    expires_at: int
    family_id: str | None
    session_id: str | None

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def consent(self) -> Granted:
        return Granted(
            self.account_id,
            self.expires_at - CODE_LIFE_US,
            session_id=self.session_id,
            person_id=self.account_id,
        )

    def is_answered_by(self, verifier: str) -> bool:
        return is_proven(self.challenge, verifier)


async def issue_code(
    tx: Transaction,
    grant: McpGrant,
    *,
    redirect_uri: str,
    challenge: str,
    session_id: str,
    now_us: int,
) -> str:
    """Issue a code for a consent in this session. The caller has checked the S256 challenge."""
    await tx.execute(
        _OLD, account_id=grant.account_id, environment=grant.environment, kept=CODES_MAX - 1
    )
    code = "".join(secrets.choice(BASE62) for _ in range(CODE_CHARACTERS))
    stored = {
        "digest": digest(code),
        "account_id": grant.account_id,
        "environment": grant.environment,
        "grant_id": grant.id,
        "client_id": grant.client_id,
        "redirect_uri": redirect_uri,
        "challenge": challenge,
        "scopes": " ".join(grant.scopes),
        "expires_at": now_us + CODE_LIFE_US,
        "session_id": session_id,
    }
    await tx.insert("authorization_codes", tuple(stored), [tuple(stored.values())])
    return code


async def find_code(tx: Transaction, code: str) -> IssuedCode | None:
    row = await tx.fetch_one(_FIND, digest=digest(code))
    return None if row is None else _CODE_ROWS.read(row)


async def mark_code_used(tx: Transaction, code: IssuedCode, family_id: str) -> None:
    touched = await tx.execute(
        """UPDATE authorization_codes SET family_id = :family_id
           WHERE digest = :digest AND family_id IS NULL""",
        family_id=family_id,
        digest=code.digest,
    )
    assert touched == 1, "a code is found and used under its account's lock"


async def prune_codes(tx: Transaction, *, now_us: int, limit: int) -> int:
    return await tx.execute(_PRUNE, before=now_us - CODE_KEPT_US, rows=limit)


_CODE_ROWS = RowMapping(IssuedCode, stored={"scopes": WORDS})
_FIND = f"SELECT {_CODE_ROWS.of('c')} FROM authorization_codes c WHERE c.digest = :digest"
_OLD = """
DELETE FROM authorization_codes
WHERE account_id = :account_id AND environment = :environment AND family_id IS NULL
  AND digest NOT IN (
    SELECT digest FROM authorization_codes
    WHERE account_id = :account_id AND environment = :environment AND family_id IS NULL
    ORDER BY expires_at DESC, digest LIMIT :kept)
"""
_PRUNE = """
DELETE FROM authorization_codes WHERE digest IN (
    SELECT digest FROM authorization_codes WHERE expires_at < :before LIMIT :rows)
"""
