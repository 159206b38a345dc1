"""Limit the connections of each client address (IPv6: its /64), except this machine's and the
trusted proxies'.
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
    def __init__(self, held_max: int = 0, trusted: Sequence[Network] = ()) -> None:
        self._held_max = held_max
        self._trusted = tuple(trusted)
        self._held: dict[str, int] = {}
        self._refused = 0
        self._logged_s = float("-inf")

    def counted_as(self, peer: str | None) -> str | None:
        if self._held_max == 0:
            return None
        address = parse_address(peer)
        if address is None or is_within(address, self._trusted):
            return None
        return block_of(address)

    def open(self, address: str) -> bool:
        """Return whether there is room for one more. Call close() for each."""
        held = self._held.get(address, 0)
        if held >= self._held_max:
            self._refuse(address)
            return False
        self._held[address] = held + 1
        return True

    def close(self, address: str) -> None:
        left = self._held[address] - 1
        if left:
            self._held[address] = left
        else:
            del self._held[address]

    def _refuse(self, address: str) -> None:
        self._refused += 1
        now_s = time.monotonic()
        if now_s - self._logged_s >= LOG_EVERY_S:
            fields = {"address": address, "held": self._held_max, "refused": self._refused}
            _log.warning("connections.refused", extra={"fields": fields})
            self._logged_s, self._refused = now_s, 0
