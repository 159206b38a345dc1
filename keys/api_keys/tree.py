"""Order keys as a tree: one key with its descendants, or all of an account."""

from collections.abc import Iterable, Mapping, Sequence

from kernel.tenant import Tenant
from keys.api_keys.api_key import DESCENDS, ROWS, ApiKey
from keys.api_keys.grantable import LIVE_KEYS_MAX
from store.database import Transaction


async def tree(tx: Transaction, tenant: Tenant, key_id: str) -> Sequence[ApiKey]:
    """Return the key, then each parent before its children, without the revoked ones below it."""
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
