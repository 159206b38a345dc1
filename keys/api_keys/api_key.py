"""API keys: create, list, change, pause, rotate and revoke them.

A key created by another key remains its child. A key can change only its own descendants. This module returns a
secret once, and stores only its SHA-256. The caller holds the account's lock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from kernel.clock import DAY_US, SECOND_US
from kernel.errors import InvalidInput, NotFound
from kernel.ids import AccountId, KeyId, new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from keys import account, sandbox_clock, token_format
from keys.account_access import check_live
from keys.api_keys.fields import NewKey as NewKey, columns_of_changes, columns_of_new
from keys.api_keys.grantable import (
    LIVE_KEYS_MAX,
    check_grant,
    check_narrower,
    check_no_stronger,
    check_room,
    lineage_for,
)
from keys.api_keys.lookup import load_key_states
from keys.mandate import NO_MANDATE, Mandate, mandate_text, paused, read_mandate
from keys.principal import ACCOUNT_SCOPES, DEFAULT_SCOPES, Environment, Principal, ScopeMissing
from store.database import Row, Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import WORDS, Conversion, RowMapping, update

OVERLAP_S_MAX = 30 * DAY_US // SECOND_US
# Use REPLACE, because LIKE treats the underscore in an ID as a wildcard. In SQLite, LIKE also ignores case.
DESCENDS = "REPLACE(' ' || k.lineage || ' ', ' ' || :viewer || ' ', '') <> ' ' || k.lineage || ' '"
_OWN = "k.account_id = :account_id AND k.environment = :environment"
_USED = """
UPDATE api_keys SET last_used_at = :minute_at WHERE id IN (
    SELECT id FROM api_keys
    WHERE id IN :ids[text] AND (last_used_at IS NULL OR last_used_at < :minute_at)
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
mark_used = partial(account.mark_used, _USED)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key. `lineage` has the IDs of its ancestors, nearest first.

    If `client_id` is set, the key belongs to an MCP client and has no secret. `last_used_at` is exact to the
    minute.
    """

    id: KeyId
    account_id: AccountId
    environment: Environment
    parent_id: KeyId | None
    lineage: tuple[KeyId, ...]
    name: str
    scopes: tuple[str, ...]
    ip_allow_list: tuple[str, ...]
    per_call_cents: int | None
    per_day_cents: int | None
    per_month_cents: int | None
    approval_threshold_cents: int | None
    approval_above_per_day_cents: int | None
    expires_at: int | None
    prefix: str
    last4: str
    created_at: int
    last_used_at: int | None
    revoked_at: int | None
    purpose: str | None = None
    lifetime_cents: int | None = None
    mandate: Mandate = NO_MANDATE
    paused_at: int | None = None
    client_id: str | None = None
    # the user who created or allowed the key; unset if a key or the command line created it
    made_by: str | None = None
    last_used_by: str | None = None  # the agent that signed the key's last call (runtime/agents.py)


async def mint(
    tx: Transaction,
    *,
    account_id: str,
    environment: Environment,
    parent: Principal | None,
    new: NewKey,
    made_by: str | None = None,
    now_us: int,
) -> tuple[ApiKey, str]:
    """Create a key. Return it and its secret, which is never shown again.

    If the caller `parent` uses a key, the new key becomes that key's child. Raise InvalidInput for a limit wider than
    the parent's.
    """
    secret = token_format.new_api_key(environment)
    shown = {
        "prefix": token_format.prefix16(secret),
        "last4": token_format.last4(secret),
        "made_by": made_by,
    }
    key = await _insert(
        tx, Tenant(account_id, environment), parent=parent, new=new, more=shown, now_us=now_us
    )
    await _insert_secret(tx, key.id, account_id, secret, now_us)
    return key, secret


async def mint_for_client(
    tx: Transaction, *, parent: Principal, new: NewKey, client_id: str, now_us: int
) -> ApiKey:
    """Create a key for an MCP client, which uses tokens instead of a secret."""
    shown = {"prefix": "", "last4": "", "client_id": client_id}
    return await _insert(tx, parent.tenant, parent=parent, new=new, more=shown, now_us=now_us)


async def _insert(
    tx: Transaction,
    tenant: Tenant,
    *,
    parent: Principal | None,
    new: NewKey,
    more: Mapping[str, str | None],
    now_us: int,
) -> ApiKey:
    account_id, environment = tenant
    await check_live(tx, tenant)
    lineage = lineage_for(parent, tenant)
    default = _default_scopes(parent)
    own_now_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us)
    columns = columns_of_new(new, scopes=default, now_us=own_now_us)
    await check_grant(tx, columns["scopes"].split(), asker=parent, account_id=account_id)
    await check_room(tx, tenant)
    states = await load_key_states(tx, lineage)
    if any(state.paused_at is not None for state in states.values()):
        raise paused()
    check_narrower(columns, NO_MANDATE, states.values())
    columns |= {
        "id": KeyId(new_id("key")),
        "account_id": account_id,
        "environment": environment,
        "parent_id": lineage[0] if lineage else None,
        "lineage": " ".join(lineage),
        "created_at": now_us,
        **more,
    }
    if parent is not None and parent.kind == "session":
        columns["made_by"] = parent.person_id
    await tx.insert("api_keys", tuple(columns), [tuple(columns.values())])
    stored = [columns.get(column) for column in ROWS.columns]
    return ROWS.read(cast(Row, stored))


async def list_keys(
    tx: Transaction,
    tenant: Tenant,
    *,
    viewer: Principal | None = None,
    before_id: Begin = None,
    limit: int = PAGE_ITEMS,
) -> list[ApiKey]:
    """List keys, newest first, including revoked ones. A viewer with a key sees only that key and its descendants."""
    rows = await _PAGES.page(
        tx,
        tenant,
        before_id=before_id,
        limit=limit,
        viewer=viewer.lineage[0] if viewer is not None and viewer.lineage else None,
    )
    return [ROWS.read(row) for row in rows]


async def get(
    tx: Transaction, tenant: Tenant, key_id: str, *, viewer: Principal | None = None
) -> ApiKey:
    key = await _find(tx, tenant, key_id)
    if viewer is not None and viewer.lineage:
        own = viewer.lineage[0]
        if key.id != own and own not in key.lineage:
            raise NotFound("Key")
    return key


async def makers_of(tx: Transaction, key_ids: Collection[str]) -> frozenset[str]:
    rows = await tx.fetch(
        "SELECT made_by FROM api_keys WHERE id IN :ids[text] AND made_by IS NOT NULL",
        ids=sorted(key_ids),
    )
    return frozenset(row["made_by"] for row in rows)


async def patch(
    tx: Transaction,
    tenant: Tenant,
    key_id: str,
    *,
    changes: Mapping[str, Any],
    asker: Principal | None,
    now_us: int,
) -> ApiKey:
    """Change a key. If `asker` is None, the command line made the call."""
    key = await _find_to_change(tx, tenant, key_id, asker)
    check_no_stronger(key.scopes, asker)
    own_now_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us)
    columns = columns_of_changes(changes, now_us=own_now_us, mandate=key.mandate)
    if key.lineage:
        ancestors = await load_key_states(tx, key.lineage)
        check_narrower(columns, key.mandate, ancestors.values())
    if "scopes" in columns:
        added = set(columns["scopes"].split()) - set(key.scopes)
        await check_grant(
            tx, added, asker=asker, account_id=key.account_id, is_child=bool(key.lineage)
        )
    return await _update(tx, key, columns)


async def revoke(
    tx: Transaction, tenant: Tenant, key_id: str, *, asker: Principal | None, now_us: int
) -> ApiKey:
    """Revoke a key and all its descendants permanently."""
    key = await _find_to_change(tx, tenant, key_id, asker, is_revoked_fine=True)
    if key.revoked_at is not None:
        return key
    return await _update(tx, key, {"revoked_at": now_us})


async def pause(
    tx: Transaction, tenant: Tenant, key_id: str, *, asker: Principal | None, now_us: int
) -> ApiKey:
    """Pause a key and its descendants until the key is resumed. A key can pause itself."""
    key = await _find_to_change(tx, tenant, key_id, asker, may_be_own=True)
    if key.paused_at is not None:
        return key
    return await _update(tx, key, {"paused_at": now_us})


async def resume(
    tx: Transaction, tenant: Tenant, key_id: str, *, asker: Principal | None
) -> ApiKey:
    """Resume a key. Its descendants resume, too, except those that were paused themselves.

    Only a user or an unrelated key can do this. Others get ScopeMissing.
    """
    key = await _find(tx, tenant, key_id, _LOCK)
    if asker is not None and not {key.id, *key.lineage}.isdisjoint(asker.lineage):
        raise ScopeMissing("Only a user or an unrelated key can resume a key.", reason="lineage")
    check_no_stronger(key.scopes, asker)
    return await _update(tx, key, {"paused_at": None})


async def rotate(
    tx: Transaction,
    tenant: Tenant,
    key_id: str,
    *,
    overlap_s: int = 0,
    asker: Principal | None,
    now_us: int,
) -> tuple[ApiKey, str]:
    """Give the key a new secret. Return the key and the secret.

    The previous secret works for another `overlap_s` seconds. Older secrets stop working immediately.
    """
    if not 0 <= overlap_s <= OVERLAP_S_MAX:
        raise InvalidInput(f"`overlap_s` must be from 0 to {OVERLAP_S_MAX}.", param="overlap_s")
    key = await _find_to_change(tx, tenant, key_id, asker)
    check_no_stronger(key.scopes, asker)
    if key.client_id is not None:
        raise InvalidInput(
            "A signed-in client's key has no secret. Sign in again instead.", param="id"
        )
    own_now_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us)
    await _check_usable(tx, key, own_now_us)
    secret = token_format.new_api_key(key.environment)
    await tx.execute(
        "DELETE FROM api_key_secrets WHERE key_id = :key_id AND expires_at IS NOT NULL",
        key_id=key.id,
    )
    await tx.execute(
        "UPDATE api_key_secrets SET expires_at = :expires_at WHERE key_id = :key_id",
        expires_at=own_now_us + overlap_s * SECOND_US,
        key_id=key.id,
    )
    await _insert_secret(tx, key.id, key.account_id, secret, now_us)
    columns = {
        "prefix": token_format.prefix16(secret),
        "last4": token_format.last4(secret),
    }
    return await _update(tx, key, columns), secret


def _default_scopes(parent: Principal | None) -> list[str]:
    if parent is None:
        return list(ACCOUNT_SCOPES)
    return [scope for scope in DEFAULT_SCOPES if scope in parent.scopes]


ROWS = RowMapping(
    ApiKey,
    stored={
        **dict.fromkeys(("lineage", "scopes", "ip_allow_list"), WORDS),
        "mandate": Conversion(read_mandate, mandate_text),
    },
)
_FIND = f"SELECT {ROWS.of('k')} FROM api_keys k WHERE k.id = :key_id AND {_OWN}"
_LOCK = f"{_FIND} FOR NO KEY UPDATE"
_PAGES = Keyset(
    ROWS.of("k"),
    "api_keys k",
    _OWN,
    filters={"viewer": f"(k.id = :viewer OR {DESCENDS})"},
    key="k.id",
    sorts={"name": "LOWER(k.name)", "used": "COALESCE(k.last_used_at, 0)"},
)
SORTS = _PAGES.sorts
_USED_BY = """
UPDATE api_keys SET last_used_by = w.agent FROM (
    SELECT v.id, v.agent FROM :rows[id text, agent text] AS v
    JOIN api_keys k ON k.id = v.id
    WHERE k.last_used_by IS NULL OR k.last_used_by <> v.agent
    ORDER BY k.id FOR NO KEY UPDATE OF k SKIP LOCKED) AS w
WHERE api_keys.id = w.id
"""


async def mark_used_by(tx: Transaction, agents: Mapping[str, str]) -> int:
    return await tx.execute(_USED_BY, rows=sorted(agents.items()))


async def _find(tx: Transaction, tenant: Tenant, key_id: str, text: str = _FIND) -> ApiKey:
    row = await tx.fetch_one(
        text, key_id=key_id, account_id=tenant.account_id, environment=tenant.environment
    )
    if row is None:
        raise NotFound("Key")
    return ROWS.read(row)


async def _find_to_change(
    tx: Transaction,
    tenant: Tenant,
    key_id: str,
    asker: Principal | None,
    *,
    is_revoked_fine: bool = False,
    may_be_own: bool = False,
) -> ApiKey:
    key = await _find(tx, tenant, key_id, _LOCK)
    below = (*key.lineage, key.id) if may_be_own else key.lineage
    if asker is not None and asker.lineage and asker.lineage[0] not in below:
        raise ScopeMissing(
            "A key can only change its descendants, not itself, a sibling or an ancestor.",
            reason="lineage",
        )
    if key.revoked_at is not None and not is_revoked_fine:
        raise InvalidInput("The key is revoked.", param="id")
    return key


async def _check_usable(tx: Transaction, key: ApiKey, own_now_us: int) -> None:
    if key.expires_at is not None and key.expires_at <= own_now_us:
        raise InvalidInput("The key has expired. Give it a later expires_at first.", param="id")
    states = await load_key_states(tx, key.lineage)
    if not all(state.is_usable(own_now_us) for state in states.values()):
        raise InvalidInput(
            "The key's parent was revoked or has expired, so this key no longer works.", param="id"
        )


async def _update(tx: Transaction, key: ApiKey, columns: dict[str, Any]) -> ApiKey:
    if columns:
        await update(tx, "api_keys", {"id": key.id}, columns)
    return await _find(tx, Tenant(key.account_id, key.environment), key.id)


async def _insert_secret(
    tx: Transaction, key_id: str, account_id: str, secret: str, now_us: int
) -> None:
    await tx.insert(
        "api_key_secrets",
        ("digest", "key_id", "account_id", "created_at"),
        [(token_format.digest(secret), key_id, account_id, now_us)],
    )


async def tree(tx: Transaction, tenant: Tenant, key_id: str) -> Sequence[ApiKey]:
    """Return the key and those descendants that aren't revoked. Parents come before their children."""
    rows = await tx.fetch(
        _TREE,
        viewer=key_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
        limit=LIVE_KEYS_MAX + 1,
    )
    found = {row["id"]: ROWS.read(row) for row in rows}
    return _below([found[key_id]], found) if key_id in found else []


async def forest(tx: Transaction, tenant: Tenant) -> Sequence[ApiKey]:
    rows = await tx.fetch(
        _LIVING,
        account_id=tenant.account_id,
        environment=tenant.environment,
        limit=LIVE_KEYS_MAX,
    )
    found = {row["id"]: ROWS.read(row) for row in rows}
    roots = [key for key in found.values() if key.parent_id not in found]
    return _below(sorted(roots, key=lambda key: key.id, reverse=True), found)


def _below(roots: Iterable[ApiKey], found: Mapping[str, ApiKey]) -> list[ApiKey]:
    children: dict[str | None, list[ApiKey]] = {}
    for key in sorted(found.values(), key=lambda one: one.id):
        children.setdefault(key.parent_id, []).append(key)
    listed: list[ApiKey] = []
    waiting = [*roots][::-1]
    while waiting:
        listed.append(waiting.pop())
        waiting += reversed(children.get(listed[-1].id, []))
    return listed


_TREE = f"""
SELECT {ROWS.of("k")} FROM api_keys k
WHERE k.account_id = :account_id AND k.environment = :environment
  AND (k.id = :viewer OR (k.revoked_at IS NULL AND {DESCENDS}))
ORDER BY k.id LIMIT :limit
"""
_LIVING = f"""
SELECT {ROWS.of("k")} FROM api_keys k
WHERE k.account_id = :account_id AND k.environment = :environment AND k.revoked_at IS NULL
ORDER BY k.id LIMIT :limit
"""
