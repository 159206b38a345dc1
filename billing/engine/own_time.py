"""Each account's time in one transaction: ours, or ahead if its sandbox clock was advanced.

Caps, mandates, daily limits and the ends of keys go by it.
"""

from collections.abc import Iterable, Mapping

from kernel.tenant import Tenant
from keys import caps
from keys.api_keys.key_state import KeyState
from keys.caps import Window


class OwnTime:
    """now_us is our time. key_states are filled while the transaction loads."""

    def __init__(self, now_us: int, key_states: Mapping[str, KeyState]) -> None:
        self.now_us = now_us
        self._key_states = key_states
        # Only accounts whose clock was advanced; empty in live.
        self._ahead_us: Mapping[Tenant, int] = {}
        # Owners of windows of a day and a month beside the keys.
        self._counted: Mapping[str, Tenant] = {}

    def take(self, ahead_us: Mapping[Tenant, int]) -> None:
        self._ahead_us = ahead_us

    def expect(self, counted: Mapping[str, Tenant]) -> None:
        self._counted = counted

    def of(self, tenant: Tenant) -> int:
        return self.now_us + self._ahead_us.get(tenant, 0) if self._ahead_us else self.now_us

    def of_line(self, lineage: tuple[str, ...]) -> int:
        if not self._ahead_us or not lineage:
            return self.now_us
        tenant = self._tenant_of(lineage[0])
        return self.now_us if tenant is None else self.of(tenant)

    def windows_ahead(self) -> set[Window]:
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
    wanted = set(ids)
    periods = caps.windows_of(now_us)
    found: set[Window] = {(one, period, start) for one in wanted for period, start in periods}
    found.update(caps.unapproved_window(one, now_us) for one in wanted)
    return found
