"""Disable endpoints that respond with 410, ask to be disabled, or fail for five days.

A failing endpoint is disabled at least a day after a notice warned its owner. The transaction that disables it
also queues a second notice, and sends an event to the account's other endpoints.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from kernel.clock import HOUR_US
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.vault import Vault
from store.database import Transaction
from webhooks.deliveries import endpoint_queue, notice
from webhooks.deliveries.stage import LOST, Settlement
from webhooks.endpoints.endpoint import COLUMNS, FAILING, Endpoint, endpoint_of
from webhooks.events.event import DISABLED_EVENT, Outbox

FAILING_US_MAX: Final = notice.WARNED_STAGE_US + notice.WARNED_US
FIRST_PROBE_US: Final = HOUR_US

# The endpoint may have recovered since its delivery was claimed, so the statement checks its current row.
_DISABLE = f"""
UPDATE endpoints SET status = 'disabled', disabled_reason = v.reason, disabled_at = :now_us,
    probe_at = CASE WHEN v.reason = '{FAILING}' THEN :now_us + {FIRST_PROBE_US} END
FROM :wanted[id text, reason text, warned_before bigint] AS v
WHERE endpoints.id = v.id AND endpoints.status = 'enabled' AND endpoints.deleted_at IS NULL
  AND (v.reason <> '{FAILING}' OR EXISTS (
    SELECT 1 FROM notices n
    WHERE n.endpoint_id = endpoints.id AND n.failing_since_at = endpoints.failing_since_at
      AND n.stage = '{notice.WARNED_STAGE}' AND n.created_at <= v.warned_before))
RETURNING endpoints.id
"""


def reasons_to_disable(settlements: Sequence[Settlement]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for one in settlements:
        target = one.claimed.target
        if one.disable_reason is not None:
            reasons[target.id] = one.disable_reason
            continue
        since_us = target.failing_since_at
        if (
            one.attempt.error not in {None, LOST}
            and since_us is not None
            and one.ended_at_us - since_us >= FAILING_US_MAX
        ):
            reasons.setdefault(target.id, FAILING)
    return reasons


async def disable_unwell(
    tx: Transaction, vault: Vault, reasons: Mapping[str, str], *, now_us: int
) -> list[Endpoint]:
    """Disable the endpoints under their accounts' locks. Return the disabled endpoints.

    Disable for FAILING only if the owner was warned at least a day ago, and no delivery has succeeded since.
    """
    rows = await tx.fetch(
        "SELECT account_id, environment FROM endpoints WHERE id IN :ids[text]", ids=list(reasons)
    )
    tenants = {Tenant(row["account_id"], row["environment"]) for row in rows}
    await lock_tenants(tx, tenants)
    wanted = [(id_, reason, now_us - notice.WARNED_US) for id_, reason in sorted(reasons.items())]
    disabled = [row["id"] for row in await tx.fetch(_DISABLE, wanted=wanted, now_us=now_us)]
    if not disabled:
        return []
    await notice.write_disabled(tx, disabled)
    for id_ in sorted(disabled):
        await endpoint_queue.end(tx, id_, ending_at=now_us)
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM endpoints WHERE id IN :ids[text] ORDER BY id", ids=disabled
    )
    endpoints = [endpoint_of(row, vault) for row in rows]
    outbox = await Outbox.load(tx, tenants)
    for endpoint in endpoints:
        outbox.publish(
            Tenant(endpoint.account_id, endpoint.environment),
            type=DISABLED_EVENT,
            data=endpoint.shape(),
            now_us=now_us,
            except_endpoint_id=endpoint.id,
        )
    await outbox.flush(tx)
    return endpoints
