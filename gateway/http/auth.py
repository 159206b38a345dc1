"""Find who calls: a request's credential and address.

A Bearer credential beats the session's cookie.
"""

import ipaddress
import logging
import time
from collections.abc import Mapping, Sequence

from starlette.types import Scope

from gateway.http.session_cookie import is_https, read_cookie
from keys.authenticator import InvalidCredential
from keys.principal import Address, Network, Principal
from runtime.settings import Settings

_SCHEME = b"bearer "
_HOPS_MAX = 20


def presented(
    scope: Scope,
    headers: Mapping[bytes, bytes],
    settings: Settings,
    *,
    takes_bare: bool = False,
) -> tuple[str, bool]:
    """Return the credential and whether it is the cookie's; with `takes_bare` it may come without
    Bearer.
    """
    header = headers.get(b"authorization")
    if header is not None:
        if header[:7].lower() != _SCHEME:
            bare = header.strip()
            if takes_bare and bare and b" " not in bare:
                return bare.decode("latin-1"), False
            raise InvalidCredential("The Authorization header must have the form Bearer ak_….")
        return header[7:].strip().decode("latin-1"), False
    if b"cookie" in headers:
        token = read_cookie(headers, is_secure=is_https(scope, settings))
        if token is not None:
            return token, True
    raise InvalidCredential("Send the API key as Authorization: Bearer ak_….")


def check_presented(principal: Principal, *, is_cookie: bool, takes_mcp: bool = False) -> None:
    """Raise InvalidCredential for a credential in the wrong place, such as an MCP client's token
    outside /mcp.
    """
    if principal.kind == "mcp" and not takes_mcp:
        raise InvalidCredential("This credential is unknown.")
    if (principal.kind == "session") is not is_cookie:
        raise InvalidCredential("This credential is unknown.")


def caller_address(
    peer: str | None, forwarded_for: bytes | None, trusted: Sequence[Network]
) -> Address | None:
    """Return the address that the request came from, or None for a Unix socket.

    From a trusted peer it is the rightmost address in X-Forwarded-For that isn't a trusted proxy's:
    the client can claim anything further left.
    """
    address = parse_address(peer)
    if forwarded_for is None or address is None or not is_within(address, trusted):
        return address
    for hop in reversed(forwarded_for.decode("latin-1").split(",")[-_HOPS_MAX:]):
        found = parse_address(hop.strip())
        if found is None:
            return address
        address = found
        if not is_within(address, trusted):
            return address
    return address


def parse_address(text: str | None) -> Address | None:
    if text is None:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def block_of(address: Address | None) -> str:
    """Return the key under which strangers are counted: the address, or an IPv6 /64."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address is not None else "local"


def is_within(address: Address | None, networks: Sequence[Network]) -> bool:
    if address is None:
        return False
    return any(address.version == network.version and address in network for network in networks)


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
