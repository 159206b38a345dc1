"""A key with all that come from it. Reads api_keys, writes nothing."""

from collections.abc import Sequence

from kernel.tenant import Tenant
from keys.api_keys.api_key import DESCENDS, ROWS, ApiKey
from keys.api_keys.grantable import LIVE_KEYS_MAX
from store.database import Transaction


async def tree(tx: Transaction, tenant: Tenant, key_id: str) -> Sequence[ApiKey]:
    """The key first, each parent before its children; without those that are revoked below it."""
    rows = await tx.fetch(
        _TREE,
        viewer=key_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
        limit=LIVE_KEYS_MAX + 1,
    )
    found = sorted((ROWS.read(row) for row in rows), key=lambda key: key.id)
    children: dict[str | None, list[ApiKey]] = {}
    for key in found:
        children.setdefault(key.parent_id, []).append(key)
    root = next((key for key in found if key.id == key_id), None)
    listed: list[ApiKey] = []
    waiting = [] if root is None else [root]
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
