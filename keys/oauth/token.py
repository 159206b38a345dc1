"""Issue OAuth apps' access tokens (oat_). A token is for one app, one user, one scope and the app's environment, and
is valid for 90 days.

A token can do what its grant allows at the time of use. It never has the scope topup:read, because an app
that reads a voucher code can redeem it outside every cap. The caller holds the user's lock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, cast

from kernel.clock import DAY_US
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import account
from keys.account import lock_tenants
from keys.account_access import IS_LIVE_OPEN, SUSPENDED_FOR
from keys.oauth import grant as oauth_grant
from keys.oauth.app import OAuthApp
from keys.oauth.grant import CodeReused, Grant
from keys.principal import OAUTH_SCOPES, Environment, OAuthOrigin, OAuthScope, Principal, Refusal
from keys.staging_quota import FULL_UNTIL
from keys.token_format import digest, last4, new_oauth_token
from store.database import Row, Transaction
from store.row_mapping import RowMapping

_WITH_ORDERS: Final[OAuthScope] = "trusted_advanced_access"
OAuthTokenKind = Literal["access", "management"]

LIFE_US = 90 * DAY_US
LIVE_TOKENS_MAX = 20  # the maximum number of a grant's tokens; the oldest are deleted first
PREFIX_CHARACTERS = 8
_USED = """
UPDATE oauth_tokens SET last_used_at = :minute_at WHERE id IN (
    SELECT id FROM oauth_tokens
    WHERE id IN :ids[text] AND (last_used_at IS NULL OR last_used_at < :minute_at)
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
mark_used = partial(account.mark_used, _USED)


@dataclass(frozen=True, slots=True)
class OAuthToken:
    id: str
    kind: OAuthTokenKind
    account_id: str
    environment: Environment
    app_id: str
    grant_id: str
    prefix: str
    last4: str
    created_at: int
    last_used_at: int | None
    expires_at: int
    revoked_at: int | None

    @property
    def user(self) -> Tenant:
        return Tenant(self.account_id, self.environment)


async def exchange(
    tx: Transaction,
    app: OAuthApp,
    code: str,
    *,
    redirect_uri: str | None,
    verifier: str | None,
    now_us: int,
) -> tuple[OAuthToken, str] | CodeReused:
    """Return the code's token and its secret. Raise CodeRefused if the code can't be exchanged.

    The user's lock lets only one of several calls succeed. If the code was used before, the grant is revoked
    (RFC 6749, 4.1.2). The refusal is then returned, because an exception would undo the revocation.
    """
    user = await oauth_grant.find_user(tx, app, code)
    if user is not None:
        await lock_tenants(tx, [user])
    try:
        consent = await oauth_grant.check_code(
            tx, app, code, redirect_uri=redirect_uri, verifier=verifier, now_us=now_us
        )
    except CodeReused as reused:
        await end_grant(tx, reused.user, reused.grant_id, now_us=now_us)
        return reused
    grant = await oauth_grant.renew(tx, consent, now_us=now_us)
    await oauth_grant.mark_code_used(tx, consent, grant.id, now_us=now_us)
    return await _issue(tx, grant, "access", now_us)


async def find_management(tx: Transaction, grant_id: str, *, now_us: int) -> OAuthToken | None:
    row = await tx.fetch_one(_MANAGEMENT, grant_id=grant_id, now_us=now_us)
    return None if row is None else _ROWS.read(row)


async def rotate_management(
    tx: Transaction, grant: Grant, *, now_us: int
) -> tuple[OAuthToken, str]:
    """Make a new management token. The earlier one stops working at the commit."""
    await tx.execute(
        """UPDATE oauth_tokens SET revoked_at = :now_us
           WHERE grant_id = :grant_id AND kind = 'management' AND revoked_at IS NULL""",
        now_us=now_us,
        grant_id=grant.id,
    )
    return await _issue(tx, grant, "management", now_us)


async def get(tx: Transaction, user: Tenant, token_id: str) -> OAuthToken:
    row = await tx.fetch_one(_GET, id=token_id)
    if row is None or (row["account_id"], row["environment"]) != user:
        raise NotFound("Token")
    return _ROWS.read(row)


async def list_live(
    tx: Transaction, user: Tenant, grant_id: str, *, now_us: int
) -> list[OAuthToken]:
    rows = await tx.fetch(
        _OF_GRANT,
        grant_id=grant_id,
        account_id=user.account_id,
        environment=user.environment,
        now_us=now_us,
    )
    return [_ROWS.read(row) for row in rows]


async def revoke(tx: Transaction, user: Tenant, token_id: str, *, now_us: int) -> OAuthToken:
    token = await get(tx, user, token_id)
    if token.revoked_at is None:
        await tx.execute(
            "UPDATE oauth_tokens SET revoked_at = :now_us WHERE id = :id",
            now_us=now_us,
            id=token_id,
        )
    return await get(tx, user, token_id)


async def end_grant(tx: Transaction, user: Tenant, grant_id: str, *, now_us: int) -> Grant:
    """Revoke the app's access. Its tokens and all codes end with the grant, so a later consent can't revive them."""
    grant = await oauth_grant.get(tx, user, grant_id)
    await oauth_grant.revoke(tx, grant_id, now_us=now_us)
    await oauth_grant.void_codes(tx, user, grant.app_id, now_us=now_us)
    await tx.execute(
        """UPDATE oauth_tokens SET revoked_at = :now_us
           WHERE grant_id = :grant_id AND revoked_at IS NULL""",
        now_us=now_us,
        grant_id=grant_id,
    )
    return await oauth_grant.get(tx, user, grant_id)


async def load_principals(
    tx: Transaction, digests: Iterable[str], *, now_us: int
) -> dict[str, Principal | Refusal]:
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    rows = await tx.fetch(
        f"""SELECT t.id, t.account_id, t.environment, t.digest, t.app_id, t.grant_id, t.expires_at,
                  COALESCE(t.revoked_at, g.revoked_at, p.disabled_at) AS ended_at, g.scope,
                  p.account_id AS owner_id, a.is_sandbox, a.email, {IS_LIVE_OPEN},
                  COALESCE({SUSPENDED_FOR}, w.suspended_for) AS suspended_for, {FULL_UNTIL}
           FROM oauth_tokens t
           JOIN oauth_grants g ON g.id = t.grant_id
           JOIN oauth_apps p ON p.id = t.app_id
           JOIN accounts a ON a.id = t.account_id
           JOIN accounts w ON w.id = p.account_id
           WHERE t.digest IN :digests[text]""",
        digests=wanted,
    )
    return {row["digest"]: _principal(row, now_us) for row in rows}


_ROWS = RowMapping(OAuthToken)
_GET = f"SELECT {_ROWS.listed} FROM oauth_tokens WHERE id = :id"
_MANAGEMENT = f"""
SELECT {_ROWS.listed} FROM oauth_tokens
WHERE grant_id = :grant_id AND kind = 'management' AND revoked_at IS NULL AND expires_at > :now_us
ORDER BY id DESC LIMIT 1
"""
_OF_GRANT = f"""
SELECT {_ROWS.listed} FROM oauth_tokens
WHERE grant_id = :grant_id AND account_id = :account_id AND environment = :environment
  AND revoked_at IS NULL AND expires_at > :now_us
ORDER BY id DESC
"""


async def _issue(
    tx: Transaction, grant: Grant, kind: OAuthTokenKind, now_us: int
) -> tuple[OAuthToken, str]:
    await tx.execute(
        """UPDATE oauth_tokens SET revoked_at = :now_us
           WHERE grant_id = :grant_id AND kind = :kind AND revoked_at IS NULL AND id NOT IN (
               SELECT id FROM oauth_tokens
               WHERE grant_id = :grant_id AND kind = :kind AND revoked_at IS NULL
               ORDER BY id DESC LIMIT :kept)""",
        now_us=now_us,
        grant_id=grant.id,
        kind=kind,
        kept=LIVE_TOKENS_MAX - 1,
    )
    secret = new_oauth_token()
    token = OAuthToken(
        id=new_id("otk"),
        kind=kind,
        account_id=grant.account_id,
        environment=cast(Environment, grant.environment),
        app_id=grant.app_id,
        grant_id=grant.id,
        prefix=secret[:PREFIX_CHARACTERS],
        last4=last4(secret),
        created_at=now_us,
        last_used_at=None,
        expires_at=now_us + LIFE_US,
        revoked_at=None,
    )
    row = (*_ROWS.write(token), digest(secret))
    await tx.insert("oauth_tokens", (*_ROWS.columns, "digest"), [row])
    return token, secret


def _principal(row: Row, now_us: int) -> Principal | Refusal:
    if row["ended_at"] is not None:
        return Refusal("revoked")
    if row["environment"] == "live" and not row["is_live_open"]:
        return Refusal("live_closed")
    if row["expires_at"] <= now_us:
        return Refusal("expired")
    steps: set[str] = {*OAUTH_SCOPES[: OAUTH_SCOPES.index(row["scope"]) + 1]}
    if _WITH_ORDERS in steps:
        steps.add("billing:read")
    return Principal(
        account_id=row["account_id"],
        environment=row["environment"],
        kind="oauth",
        credential_id=row["id"],
        key_id=None,
        lineage=(),
        scopes=frozenset(steps),
        ip_allow_lists=(),
        expires_at=row["expires_at"],
        is_sandbox=bool(row["is_sandbox"]),
        approval_threshold_cents=None,
        account_email=row["email"],
        oauth=OAuthOrigin(row["app_id"], row["owner_id"], row["grant_id"], row["scope"]),
        suspended_for=row["suspended_for"],
        staging_full_until=row["staging_full_until"],
    )
