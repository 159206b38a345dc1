"""Know where this deployment itself listens, so that no webhook makes it call itself.

check() refuses a URL that would reach the gateway (PUBLIC_URL's name or any address behind it, or this
machine's own addresses, each with the gateway's port) or a worker at its own port. It runs at every attempt,
before a connection is opened or reused. Other ports are allowed: a receiver may run beside us, or behind the
same proxy.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from webhooks.http.guard import ParsedUrl, Policy, UrlRefused, unreachable
from webhooks.http.names import VettedNames

PUBLIC_AGE_S_MAX: Final = 60.0
# The discard service: a datagram socket is connected to it and nothing is sent.
_DISCARD_PORT: Final = 9


class OwnAddress:
    """port: where the gateway listens, on any address of this machine, or 0; worker_port: a worker's.

    public is PUBLIC_URL or null. Its name is looked up once a minute while needed; its last addresses stay
    valid while it doesn't resolve.
    """

    def __init__(
        self,
        names: VettedNames,
        *,
        port: int = 0,
        worker_port: int = 0,
        public: ParsedUrl | None = None,
    ) -> None:
        self._names = names
        self._here = {port: "gateway", worker_port: "worker"}
        self._here.pop(0, None)
        self._public = public
        self._public_policy = Policy.of_operator()
        self._public_addresses: frozenset[str] = frozenset()
        self._public_until_s = 0.0
        self.ports = frozenset({*self._here, public.port if public else 0}) - {0}

    async def check(self, url: ParsedUrl, addresses: Sequence[str]) -> None:
        """Raise UrlRefused if one of these vetted addresses of the URL's host is our own."""
        if url.port in self._here and any(map(is_local, addresses)):
            raise unreachable(f"{url.host} is this machine, at the {self._here[url.port]}'s port")
        public = self._public
        if public is None or url.port != public.port:
            return
        if url.host == public.host or not (await self._behind(public)).isdisjoint(addresses):
            raise unreachable(f"{url.host} is where PUBLIC_URL leads")

    async def _behind(self, public: ParsedUrl) -> frozenset[str]:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._public_until_s:
            try:
                found = await self._names.addresses(public, self._public_policy)
            except UrlRefused:
                pass
            else:
                self._public_addresses = frozenset(found)
            self._public_until_s = now_s + PUBLIC_AGE_S_MAX
        return self._public_addresses


def is_local(text: str) -> bool:
    """Return whether it is an address of this machine, on any interface.

    By the kernel's routes, a machine sends to itself from that very address.
    """
    address = ip_address(text)
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((text, _DISCARD_PORT))
            return ip_address(asking.getsockname()[0]) == address
    except OSError:
        return False
