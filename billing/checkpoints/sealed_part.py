"""Read what an environment's sealed sums contain, and which earlier transfers they lack."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from billing.checkpoints import tiles
from billing.checkpoints.sealing import DAYS_BEFORE, LOOK_BACK_US, PAGE
from billing.checkpoints.sums import summed_day
from billing.ledger.audit_balances import SealedPart
from kernel.clock import DAY_US
from kernel.ids import least_id
from kernel.tenant import Tenant
from store.database import Database, Transaction

# With older sums, one snapshot would read too much.
BEHIND_US_MAX: Final = 4 * DAY_US
_PAGE: Final = f"""
SELECT id, account_id, environment, created_at FROM transfers WHERE id > :after AND id < :before
ORDER BY id LIMIT {PAGE}
"""
_Row = tuple[str, str, str, int]


async def read_sealed_part(
    database: Database, environment: str, *, now_us: int
) -> SealedPart | None:
    """Return the part; None if no day is in the sums, or only old ones."""
    day = await database.read(partial(summed_day, environment=environment))
    if day is None or day + DAY_US < now_us - BEHIND_US_MAX:
        return None
    from_id = least_id("trf", max(0, day + DAY_US - LOOK_BACK_US))
    late = await _late(database, environment, day, from_id)
    return SealedPart(environment, day, from_id, late)


async def _late(
    database: Database, environment: str, day: int, after: str
) -> Mapping[Tenant, Sequence[str]]:
    late: defaultdict[Tenant, list[str]] = defaultdict(list)
    days = (day - DAYS_BEFORE * DAY_US, day + 1)
    # A machine whose clock is more than a day ahead makes IDs behind this.
    before = least_id("trf", day + 2 * DAY_US)
    while found := await database.read(partial(_page, after=after, before=before)):
        span = (found[0][0], found[-1][0])
        after = span[1]
        sealed = await database.read(
            partial(tiles.sealed_ids, environment=environment, days=days, ids=span)
        )
        for transfer_id, account_id, of, created_at in found:
            is_due = of == environment and created_at < day + DAY_US
            if is_due and transfer_id not in sealed:
                late[Tenant(account_id, of)].append(transfer_id)
    return late


async def _page(tx: Transaction, *, after: str, before: str) -> list[_Row]:
    rows = await tx.fetch(_PAGE, after=after, before=before)
    return [(row[0], row[1], row[2], row[3]) for row in rows]
