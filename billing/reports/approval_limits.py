"""What the keys that request approvals may still spend, for the person who decides."""

from collections.abc import Iterable, Mapping, Sequence

from billing.engine.limit import LimitView
from billing.engine.spending import load_key_usage
from kernel.tenant import Tenant
from store.database import Transaction


async def limits_of_askers(
    tx: Transaction, tenant: Tenant, key_ids: Iterable[str], *, now_us: int
) -> Mapping[str, Sequence[LimitView]]:
    """Return each key's own limits, by ID; an ended key has none."""
    wanted = sorted(set(key_ids))
    if not wanted:
        return {}
    standings = await load_key_usage(tx, tenant, wanted, now_us=now_us)
    usable = (one for one in standings.states.values() if one.is_usable(standings.now_us))
    return {one.id: standings.of((one.id,)).limits for one in usable}
