"""What keys may still spend now, by the same rules as a spend, on a snapshot."""

from collections.abc import Iterable, Sequence

import msgspec

from billing.engine.limit import LimitView
from billing.engine.spending import Lineage, Spending
from kernel.tenant import Tenant
from keys.account import Standings, standings_reading
from keys.api_keys.key_state import KeyState
from store.database import Transaction


class KeyUsage(msgspec.Struct, frozen=True):
    """max_now_cents: the most that every limit allows now; null without a limit."""

    limits: Sequence[LimitView]
    max_now_cents: int | None


class KeyStandings:
    def __init__(self, spending: Spending, tenant: Tenant) -> None:
        self._spending = spending
        self._tenant = tenant

    @property
    def now_us(self) -> int:
        return self._spending.time.of(self._tenant)

    @property
    def states(self) -> dict[str, KeyState]:
        return self._spending.key_states

    def of(self, lineage: Lineage) -> KeyUsage:
        """Return the standing of a lineage that hasn't ended; it may be paused."""
        limits, max_now_cents = self._spending.standing(self._tenant, lineage)
        return KeyUsage([one.view(self.now_us) for one in limits], max_now_cents)


async def load_key_usage(
    tx: Transaction, tenant: Tenant, key_ids: Iterable[str], *, now_us: int
) -> KeyStandings:
    """Load the standings in three statements; now_us is our time, not the tenant's."""
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
