"""The time of each account in one transaction: ours, or ahead of it where its sandbox clock was moved.

What is counted and what ends goes by it: caps, mandates, the account's limit of a day, the ends of keys. In
live, and where no clock was moved, all of it is one number.
"""

from collections.abc import Iterable, Mapping

from kernel.tenant import Tenant
from keys import caps
from keys.api_keys.key_state import KeyState
from keys.caps import Window


class OwnTime:
    """now_us: our time. key_states: of the keys that are asked about, filled meanwhile."""

    def __init__(self, now_us: int, key_states: Mapping[str, KeyState]) -> None:
        self.now_us = now_us
        self._key_states = key_states
        # Of those only whose clock was moved; empty for all of live.
        self._ahead_us: Mapping[Tenant, int] = {}
        # Beside the keys: what else has windows of a day and a month, and whose it is.
        self._counted: Mapping[str, Tenant] = {}

    def take(self, ahead_us: Mapping[Tenant, int]) -> None:
        """How far the clocks are ahead."""
        self._ahead_us = ahead_us

    def expect(self, counted: Mapping[str, Tenant]) -> None:
        """Grants of apps, by their ids."""
        self._counted = counted

    def of(self, tenant: Tenant) -> int:
        """The account's time."""
        return self.now_us + self._ahead_us.get(tenant, 0) if self._ahead_us else self.now_us

    def of_line(self, lineage: tuple[str, ...]) -> int:
        """The time of the account whose keys, or whose grant, they are."""
        if not self._ahead_us or not lineage:
            return self.now_us
        tenant = self._tenant_of(lineage[0])
        return self.now_us if tenant is None else self.of(tenant)

    def windows_ahead(self) -> set[Window]:
        """The days and months of what belongs to accounts whose clock is ahead."""
        found: set[Window] = set()
        for one in (*self._key_states, *self._counted) if self._ahead_us else ():
            tenant = self._tenant_of(one)
            if tenant is not None and tenant in self._ahead_us:
                found |= calendar_windows([one], self.of(tenant))
        return found

    def _tenant_of(self, counted_id: str) -> Tenant | None:
        state = self._key_states.get(counted_id)
        return self._counted.get(counted_id) if state is None else state.tenant


def calendar_windows(ids: Iterable[str], now_us: int) -> set[Window]:
    """Of the moment's day and month, and of what the day sent without asking."""
    wanted = set(ids)
    periods = caps.windows_of(now_us)
    found: set[Window] = {(one, period, start) for one in wanted for period, start in periods}
    found.update(caps.unapproved_window(one, now_us) for one in wanted)
    return found
