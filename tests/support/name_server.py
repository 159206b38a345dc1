"""A real name server on loopback, and the resolver that asks it, for tests of names."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSRecord

from webhooks.http.names import SystemResolver

Answer = Callable[[], Sequence[str]]


class NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA questions from `zone`, TTL 0, and remembers every question.

    An entry lists addresses; a name among them is a CNAME that is followed, as a recursive server
    does. The word SERVFAIL fails, DROP stays silent. A name that is absent does not exist.
    """

    def __init__(self) -> None:
        self.zone: dict[str, Sequence[str]] = {}
        self.asked: list[str] = []
        self._was_asked = asyncio.Event()
        self.port = 0
        self._transport: Any = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    async def until_asked(self, count: int) -> None:
        """Waits for so many questions in all."""
        while len(self.asked) < count:
            self._was_asked.clear()
            await self._was_asked.wait()

    def stop(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = DNSRecord.parse(data)
        name = str(question.q.qname).rstrip(".")
        kind = QTYPE[question.q.qtype]
        self.asked.append(name)
        self._was_asked.set()
        reply = question.reply()
        entry = self.zone.get(name)
        if entry is None:
            reply.header.rcode = RCODE.NXDOMAIN
        elif "SERVFAIL" in entry:
            reply.header.rcode = RCODE.SERVFAIL
        elif "DROP" in entry:
            return
        else:
            self._add(reply, name, kind)
        self._transport.sendto(reply.pack(), addr)

    def _add(self, reply: Any, name: str, kind: str) -> None:
        for one in self.zone.get(name, ()):
            if one[0].isalpha() and ":" not in one:
                reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(one), ttl=0))
                self._add(reply, one, kind)
            elif ":" in one and kind == "AAAA":
                reply.add_answer(RR(name, QTYPE.AAAA, rdata=AAAA(one), ttl=0))
            elif ":" not in one and kind == "A":
                reply.add_answer(RR(name, QTYPE.A, rdata=A(one), ttl=0))


def loopback_resolver(server: NameServer) -> SystemResolver:
    """The resolver of production, which asks this server alone."""
    return SystemResolver([f"127.0.0.1:{server.port}"])
