"""What keys may still spend now, as their readers see it: each limit with what is used and left of it.

The same rules as a spend is decided by, on a snapshot. Writes nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec

from billing.engine.limit import LimitView
from billing.engine.spending import Lineage, Spending
from kernel.tenant import Tenant
from keys.account import Standings, standings_reading
from keys.api_keys.key_state import KeyState
from store.database import Transaction


class KeyStanding(msgspec.Struct, frozen=True):
    """max_now_cents: the most that every limit admits now; null: no limit."""

    limits: Sequence[LimitView]
    max_now_cents: int | None


class KeyStandings:
    """Of some keys of one tenant."""

    def __init__(self, spending: Spending, tenant: Tenant) -> None:
        self._spending = spending
        self._tenant = tenant

    @property
    def now_us(self) -> int:
        """The tenant's own time, which everything here is by."""
        return self._spending.time.of(self._tenant)

    @property
    def states(self) -> dict[str, KeyState]:
        return self._spending.key_states

    def of(self, lineage: Lineage) -> KeyStanding:
        """Of the keys together; a lineage that has not ended, and may be paused."""
        limits, max_now_cents = self._spending.standing(self._tenant, lineage)
        return KeyStanding([one.view(self.now_us) for one in limits], max_now_cents)


async def load_standings(
    tx: Transaction, tenant: Tenant, key_ids: Iterable[str], *, now_us: int
) -> KeyStandings:
    """In three statements, however many keys there are. now_us: our time."""
    spending = Spending(now_us)

    def take(found: Standings) -> None:
        spending.take_day_limits(found.day_limits)
        spending.time.take(found.clocks_ahead_us)

    await tx.fetch_many(
        [
            standings_reading([tenant], take),
            *spending.readings(set(key_ids), ()),
        ]
    )
    await tx.fetch_many(spending.further_readings(()))
    return KeyStandings(spending, tenant)
