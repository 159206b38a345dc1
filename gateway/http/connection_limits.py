"""How many connections each client address may hold at once, so that no stranger takes them all.

This machine and the trusted proxies are not counted: behind each of them are many clients. An IPv6
client counts by its /64, which is what one of them is given.
"""

import ipaddress
import logging
import time
from collections.abc import Sequence

from gateway.http.auth import block_of, is_within, parse_address
from keys.principal import Network

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
LOG_EVERY_S = 10.0
_log = logging.getLogger(__name__)


class ConnectionLimits:
    """Counts connections; held_max 0 turns it off."""

    def __init__(self, held_max: int = 0, trusted: Sequence[Network] = ()) -> None:
        self._held_max = held_max
        self._trusted = tuple(trusted)
        self._held: dict[str, int] = {}
        self._refused = 0
        self._logged_s = float("-inf")

    def counted_as(self, peer: str | None) -> str | None:
        """The name under which the peer is counted; None for one who is not."""
        if self._held_max == 0:
            return None
        address = parse_address(peer)
        if address is None or is_within(address, self._trusted):
            return None
        return block_of(address)

    def open(self, address: str) -> bool:
        """Whether there is room for one more; close() goes with each that was opened."""
        held = self._held.get(address, 0)
        if held >= self._held_max:
            self._refuse(address)
            return False
        self._held[address] = held + 1
        return True

    def close(self, address: str) -> None:
        """One connection less; nothing is kept of who holds none."""
        left = self._held[address] - 1
        if left:
            self._held[address] = left
        else:
            del self._held[address]

    def _refuse(self, address: str) -> None:
        """Told at most every LOG_EVERY_S: whoever opens too many must not fill the log."""
        self._refused += 1
        now_s = time.monotonic()
        if now_s - self._logged_s >= LOG_EVERY_S:
            fields = {"address": address, "held": self._held_max, "refused": self._refused}
            _log.warning("connections.refused", extra={"fields": fields})
            self._logged_s, self._refused = now_s, 0
