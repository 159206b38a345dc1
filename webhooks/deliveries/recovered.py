"""Find failed deliveries that recovered: a replay of the event arrived at the same endpoint. Reads only."""

from collections.abc import Sequence
from typing import Final

from kernel.tenant import Tenant
from store.database import Transaction
from webhooks.deliveries.stage import DELIVERED, FAILED

# A condition on the delivery d. COALESCE keeps it off the endpoint's index, as in webhooks/replays/match.py:
# by its event it finds the few replays of one.
IS_RECOVERED: Final = f"""(d.status = '{FAILED}' AND (
    SELECT COUNT(*) FROM deliveries r
    WHERE r.event_id = d.event_id AND r.replay_of IS NOT NULL AND r.status = '{DELIVERED}'
      AND COALESCE(r.endpoint_id, '') = d.endpoint_id AND r.id > d.id) > 0)"""
_MENDED: Final = f"""
SELECT d.id FROM deliveries d
WHERE d.id IN :ids[text] AND d.account_id = :account_id AND d.environment = :environment AND {IS_RECOVERED}
"""


async def recovered(tx: Transaction, tenant: Tenant, delivery_ids: Sequence[str]) -> frozenset[str]:
    if not delivery_ids:
        return frozenset()
    rows = await tx.fetch(_MENDED, ids=list(delivery_ids), **tenant._asdict())
    return frozenset(row["id"] for row in rows)
