"""What people do to OAuth apps and to what they consented to, from a page.

Promise: each act takes the tenant's lock and has its entry in the tenant's security log, all in the
caller's one transaction.
"""

from collections.abc import Mapping
from typing import Any

from kernel.tenant import Tenant
from keys import audit_log
from keys.account import lock_tenants
from keys.audit_log import Actor
from keys.oauth import app as apps, token as tokens
from keys.oauth.app import NewApp, OAuthApp
from keys.oauth.grant import Grant
from keys.oauth.token import OAuthToken
from store.database import Transaction


async def register_app(
    tx: Transaction, owner: Tenant, new: NewApp, *, by: Actor, now_us: int
) -> tuple[OAuthApp, str]:
    """The app and its secret, empty for a public app; raises InvalidInput and KeyLimitReached."""
    await lock_tenants(tx, [owner])
    app, secret = await apps.create(tx, owner, new, now_us=now_us, made_by=by.account_id)
    after = {
        "name": app.name,
        "scope": app.scope,
        "hosts": app.registered.hosts,
        "cap_micros": app.cap_micros,
    }
    await _log(tx, by, "app.created", owner, app.id, now_us, after)
    return app, secret


async def rotate_secret(
    tx: Transaction, owner: Tenant, app_id: str, *, by: Actor, now_us: int
) -> tuple[OAuthApp, str]:
    """Another secret; the one before ends with the commit. Raises NotFound and InvalidInput."""
    await lock_tenants(tx, [owner])
    rotated = await apps.rotate(tx, owner, app_id, now_us=now_us)
    await _log(tx, by, "app.secret_rotated", owner, app_id, now_us)
    return rotated


async def disable_app(
    tx: Transaction, owner: Tenant, app_id: str, *, by: Actor, now_us: int
) -> OAuthApp:
    """Ends the app and every token of it; again changes and logs nothing. Raises NotFound."""
    await lock_tenants(tx, [owner])
    before = await apps.get_own(tx, owner, app_id)
    disabled = await apps.disable(tx, owner, app_id, now_us=now_us)
    if before.disabled_at is None:
        await _log(tx, by, "app.disabled", owner, app_id, now_us, {"name": disabled.name})
    return disabled


async def remove_app(
    tx: Transaction, user: Tenant, grant_id: str, *, by: Actor, now_us: int
) -> Grant:
    """Takes an app's access to the user's account away. Raises NotFound."""
    await lock_tenants(tx, [user])
    ended = await tokens.end_grant(tx, user, grant_id, now_us=now_us)
    await _log(tx, by, "grant.revoked", user, grant_id, now_us, {"app": ended.app_name})
    return ended


async def revoke_token(
    tx: Transaction, user: Tenant, token_id: str, *, by: Actor, now_us: int
) -> OAuthToken:
    """Ends one token of an app that acts for the user. Raises NotFound."""
    await lock_tenants(tx, [user])
    ended = await tokens.revoke(tx, user, token_id, now_us=now_us)
    await _log(tx, by, "grant.token_revoked", user, token_id, now_us)
    return ended


async def _log(
    tx: Transaction,
    by: Actor,
    action: str,
    tenant: Tenant,
    subject_id: str,
    now_us: int,
    after: Mapping[str, Any] | None = None,
) -> None:
    entry = audit_log.security(
        by,
        action,
        account_id=tenant.account_id,
        environment=tenant.environment,
        subject_id=subject_id,
        now_us=now_us,
        after=after,
    )
    await audit_log.record(tx, [entry])
