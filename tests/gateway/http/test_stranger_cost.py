"""No route that needs no credential is dear: each is asked for as a hostile stranger would, and its CPU time counted."""

import asyncio
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.app import documents_of, open_routes, router_of
from tests.support.gateway import Gateway, running, settings_of
from tests.support.sampled import Within

pytestmark = pytest.mark.one_database

SAMPLED = Within(3, "requests of a stranger")
# The loop's CPU of a request, in those of GET /healthz, the client's part in both. Rendered and compressed anew,
# /docs/webhooks was 125 of them, /openapi.json 60 and /docs/search 28.
DEAR = 25.0
# Of the whole process, its threads included.
DEAR_WITH_THREADS = 25.0
# Each takes the time of a password's hash in a thread on purpose, and has a limit of tries for each address.
HASHING = {"/sign-in", "/sign-in/code"}
COUNTED = 5
_GZIP = "accept: text/html\r\naccept-encoding: gzip\r\n"
_READERS = (
    _GZIP,
    "accept: text/html\r\naccept-encoding: br;q=0.5\r\ncookie: topup_theme=dark; topup_samples=python; x={n}\r\n",
    "accept: application/json, x/{n};q=0.1\r\naccept-language: ar, en;q=0.{n}\r\naccept-encoding: *\r\n",
    "accept: text/markdown\r\naccept-encoding: zstd, x{n}\r\n",
    "",
)
_FORM = b"email=a%40b.example&password=wrong&token=x&next=%2F&q=x&code=x&grant_type=refresh_token&refresh_token=x"
_WORTH = {
    "code": "1000",
    "slug": "top-ups",
    "event_type": "topup.delivered",
    "name:path": "app.css",
    "environment": "live",
    "day": "2026-11-01",
}
# The same words again and again, and the prefixes that most passages have.
_SEARCHES = (
    "/docs/search?q=webhook+signature+{n}",
    "/docs/search.md?q=con+pro+rec+sta+key+cre+del+pay+ref+sub+top+{n}",
)


@dataclass(frozen=True)
class Asked:
    """A request's method, target and headers; {n} in them is another number each time."""

    method: str
    target: str
    headers: str
    body: bytes = b""

    def raw(self, n: int) -> bytes:
        lines = (
            f"host: a{n}\r\nx-forwarded-for: 198.51.{n // 250 % 250}.{n % 250}\r\n{self.headers}"
        )
        if self.method == "POST":
            lines += f"content-length: {len(self.body)}\r\n"
        head = f"{self.method} {self.target} HTTP/1.1\r\n{lines}\r\n".replace("{n}", str(n))
        return head.encode() + self.body


def asked_of(gateway: Gateway) -> Iterator[Asked]:
    """Every route without a credential, from the tables that the gateway is made of, and what no route knows."""
    context = gateway.context
    paths = [("GET", route.path) for route in open_routes(context, documents_of(context))]
    paths += [
        (route.method, resource.template)
        for resource in router_of(context)
        for route in resource.routes.values()
        if route.is_public
    ]
    assert len(paths) > 100
    paths += [("GET", "/nothing/{n}"), ("POST", "/nothing/{n}"), ("GET", "/docs/api/{n}")]
    paths += [("GET", "/dashboard"), ("GET", "/api/public/v1/topup/balance"), ("POST", "/mcp")]
    paths += [("GET", "/static/nothing-{n}"), ("GET", "/docs/codes/9999")]
    for method, template in paths:
        filled = re.sub(
            r"\{((?!n\}).+?)\}", lambda name: _WORTH.get(name[1], "x" * 20 + "{n}"), template
        )
        if method == "GET":
            yield from (Asked(method, f"{filled}?said=x{{n}}&v={{n}}", one) for one in _READERS)
        else:
            form = "content-type: application/x-www-form-urlencoded\r\n"
            yield Asked(method, filled, "content-type: application/json\r\n", b"{}")
            yield Asked(method, filled, _GZIP + form, _FORM)
    for target in _SEARCHES:
        yield from (Asked("GET", target, one) for one in _READERS)


class Client:
    """One connection after the other, by raw bytes, so that little of what is counted is the client's."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, raw: bytes) -> int:
        """Return the status once the answer is whole."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(raw)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        if length is not None:
            await self._reader.readexactly(int(length[1]))
        if length is None or b"\r\nconnection: close" in head:
            await self.close()
        return int(head[9:12])

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()
            self._writer = None


@SAMPLED.mark
async def test_no_stranger_can_ask_for_anything_dear(database_url: str, tmp_path: Path) -> None:
    # Each request comes from another address, as of many strangers: none has used up what one of them may.
    settings = settings_of(
        database_url,
        tmp_path,
        public_url="http://gateway.example",
        allowed_hosts=["gateway.example"],
        trusted_proxies=["127.0.0.1/32"],
    )
    dear = []
    async with running(settings) as gateway:
        client, numbers = Client(int(gateway.url.rpartition(":")[2])), itertools.count()
        reference = Asked("GET", "/healthz", "")

        async def least(asked: Asked, times: int = COUNTED) -> tuple[float, float, int]:
            """The least CPU of several: other work on the machine only adds to it."""
            found = []
            for number in itertools.islice(numbers, times):
                loop_s, all_s = time.thread_time(), time.process_time()
                status = await client.ask(asked.raw(number))
                found.append((time.thread_time() - loop_s, time.process_time() - all_s))
            return min(one for one, _ in found), min(one for _, one in found), status

        for asked in SAMPLED.part(list(asked_of(gateway))):
            for number in itertools.islice(numbers, 2):
                await client.ask(asked.raw(number))
            path = asked.target.partition("?")[0]
            # A core that others use is slow for whole rounds: what looks dear is measured for longer.
            for times in (COUNTED, 10 * COUNTED):
                unit_s, unit_all_s, _ = await least(reference, times)
                loop_s, all_s, status = await least(asked, times)
                is_dear = loop_s > DEAR * unit_s or (
                    path not in HASHING and all_s > DEAR_WITH_THREADS * unit_all_s
                )
                if not is_dear:
                    break
            if is_dear or status >= 500:
                dear.append((f"{loop_s / unit_s:.0f}", f"{all_s / unit_all_s:.0f}", status, asked))
        await client.close()

    assert dear == []
