"""A real name server on loopback, and a resolver that asks it, for tests of names."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSRecord

Answer = Callable[[], Sequence[str]]


class NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA questions from `zone`, TTL 0, and remembers every question.

    An entry lists addresses; a name among them is a CNAME that is followed, as a recursive server
    does. The word SERVFAIL fails, DROP stays silent. A name that is absent does not exist.
    """

    def __init__(self) -> None:
        self.zone: dict[str, Sequence[str]] = {}
        self.asked: list[str] = []
        self.port = 0
        self._transport: Any = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    def stop(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = DNSRecord.parse(data)
        name = str(question.q.qname).rstrip(".")
        kind = QTYPE[question.q.qtype]
        self.asked.append(name)
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


class _Question(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.reply.done():
            self.reply.set_result(data)


class LoopbackResolver:
    """webhooks.resolver.Resolver over UDP to a NameServer."""

    def __init__(self, server: NameServer) -> None:
        self._server = server

    async def lookup(self, name: str) -> Sequence[str]:
        found = [*await self._ask(name, "A"), *await self._ask(name, "AAAA")]
        if not found:
            raise OSError("no such name")
        return found

    def close(self) -> None:
        return None

    async def _ask(self, name: str, kind: str) -> list[str]:
        loop = asyncio.get_running_loop()
        transport, question = await loop.create_datagram_endpoint(
            _Question, remote_addr=("127.0.0.1", self._server.port)
        )
        try:
            transport.sendto(DNSRecord.question(name, kind).pack())
            reply = DNSRecord.parse(await question.reply)
        finally:
            transport.close()
        if reply.header.rcode:
            raise OSError(RCODE[reply.header.rcode])
        return [str(record.rdata) for record in reply.rr if QTYPE[record.rtype] == kind]
