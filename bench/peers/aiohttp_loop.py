"""A bare loop: signs bodies and posts them by aiohttp, so many at once. No database, no queue.

    python -m bench.peers.aiohttp_loop URL COUNT CONCURRENCY [PATHS]

Prints one JSON line: seconds, cpu_s. What a delivery would cost if nothing had to be kept. Runs in
the peers' own environment.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import aiohttp  # type: ignore[import-not-found,unused-ignore]  # the peers' environment has it
import uvloop

from bench.peers.message import signed_headers

BODY = b'{"id":"evt","type":"topup.delivered","data":{"filler":"' + b"x" * 350 + b'"}}'


async def post(
    session: aiohttp.ClientSession, url: str, paths: int, numbers: Iterator[int]
) -> None:
    for number in numbers:
        headers = signed_headers(f"evt_{number:016d}", BODY)
        target = f"{url}/{number % paths}"
        async with session.post(target, data=BODY, headers=headers) as answer:
            await answer.read()


async def run(url: str, count: int, concurrency: int, paths: int) -> None:
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        began_s, cpu_s = time.perf_counter(), time.process_time()
        numbers = iter(range(count))
        await asyncio.gather(*(post(session, url, paths, numbers) for _ in range(concurrency)))
        figures = {
            "seconds": time.perf_counter() - began_s,
            "cpu_s": time.process_time() - cpu_s,
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1], *map(int, sys.argv[2:5])))
