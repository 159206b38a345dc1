"""A load client: many kept-alive connections, one request at a time on each, latencies kept.

    python -m bench.load --port 8000 --path /x --connections 64 --seconds 5 [--json BODY] [--key ak_…]
                         [--header 'Accept: text/html'] [--pipelined 16]

Run in a process of its own, so that it takes nothing from the server's core. Closed loop unless
--rate is given; ends after --seconds, or after --requests. In the body and the path {n} becomes a recipient's
number and {t} the moment of writing (time.perf_counter_ns, which all processes of a machine share).
Each request has an Idempotency-Key of its own, but with --not-idempotent.
Prints one JSON line: requests, seconds, per_s, p50_ms, p99_ms, mean_ms, max_ms, statuses, cpu_s,
begun_ns, ended_ns. Loopback only.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

GRACE_S = 30.0


@dataclass(slots=True)
class Tally:
    """What came back."""

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    last_s: float = 0.0


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is whole, or when told to."""

    def __init__(self, plan: "Plan", tally: Tally, number: int) -> None:
        self._plan = plan
        self._tally = tally
        self._number = number
        self._sent = 0
        self._started_s = 0.0
        self._buffer = b""
        # Answers that are yet to come.
        self._due = 0
        self.is_done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:head_end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            end = head_end + 4 + length
            if len(self._buffer) < end:
                return
            self._buffer = self._buffer[end:]
            self._take(head)

    def _take(self, head: bytes) -> None:
        """Count an answer, and go on after the last one that is due."""
        now_s = time.perf_counter()
        tally = self._tally
        if self._plan.counts_from_s <= self._started_s:
            tally.latencies_s.append(now_s - self._started_s)
            tally.statuses[int(head[9:12])] += 1
            tally.last_s = now_s
        self._due -= 1
        if not self._due:
            self._plan.on_idle(self, now_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self.finish()
        if exc is not None:
            self._tally.statuses[0] += 1

    def send(self) -> None:
        self._started_s = time.perf_counter()
        self._due = self._plan.pipelined
        requests = []
        for _ in range(self._due):
            self._sent += 1
            requests.append(self._plan.request(self._number, self._sent))
        self._transport.write(b"".join(requests))

    def finish(self) -> None:
        """Sends no more."""
        if not self.is_done:
            self.is_done = True
            self._transport.close()
            self._plan.one_less()


class Plan:
    """What is sent, and until when.

    With a time, its first fifth warms up and is not counted; with a number, every request counts.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._keys: Sequence[str] = arguments.key or [""]
        if arguments.keys_file:
            self._keys = Path(arguments.keys_file).read_text().split()
        self._body: str = arguments.json
        self._recipients: int = arguments.recipients
        method = "POST" if self._body else "GET"
        lines = [
            f"{method} {arguments.path} HTTP/1.1",
            "Host: 127.0.0.1",
            *(arguments.header or []),
        ]
        self._line = "".join(f"{line}\r\n" for line in lines)
        self.pipelined: int = arguments.pipelined
        self._run = f"{time.time_ns():x}"
        self._is_idempotent: bool = not arguments.not_idempotent
        self._left = arguments.connections
        self._rate: float = arguments.rate
        self._requests_left: int | None = arguments.requests
        self._idle: list[Connection] = []
        self._late = 0
        self._due_s = 0.0
        self._is_over = False
        self.done = asyncio.Event()
        self.begun_s = time.perf_counter()
        warm_up_s = 0.0 if arguments.requests or arguments.rate else arguments.seconds / 5
        self.counts_from_s = self.begun_s + warm_up_s
        self.ends_s = self.begun_s + arguments.seconds

    def request(self, connection: int, number: int) -> bytes:
        spread = connection * 7919 + number
        key = self._keys[spread % len(self._keys)]
        head = self._line.replace("{n}", str(spread % self._recipients))
        if key:
            head += f"Authorization: Bearer {key}\r\n"
        if not self._body:
            return f"{head}\r\n".encode()
        body = self._body.replace("{n}", str(spread % self._recipients))
        if "{t}" in body:
            body = body.replace("{t}", str(time.perf_counter_ns()))
        if self._is_idempotent:
            head += f"Idempotency-Key: {self._run}-{connection}-{number}\r\n"
        return (
            f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def start(self, connections: Sequence[Connection]) -> None:
        now_s = time.perf_counter()
        for connection in connections:
            self.on_idle(connection, now_s)
        if self._rate:
            self._due_s = now_s
            self._tick()

    def on_idle(self, connection: Connection, now_s: float) -> None:
        """What a connection without a request does next."""
        if now_s >= self.ends_s or self._is_over or self._requests_left == 0:
            connection.finish()
        elif not self._rate:
            self._take_one()
            connection.send()
        elif self._late:
            # Every connection was busy when it was due; its time counts from now.
            self._late -= 1
            connection.send()
        else:
            self._idle.append(connection)

    def one_less(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.done.set()

    def _take_idle(self) -> Connection | None:
        """The one used last: others may rest for so long that their server ends them."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_done:
                return connection
        return None

    def _take_one(self) -> None:
        if self._requests_left is not None:
            self._requests_left -= 1

    def _tick(self) -> None:
        """Sends what is due by the rate; the next tick is for the next one due."""
        loop = asyncio.get_running_loop()
        now_s = time.perf_counter()
        while self._due_s <= now_s and not self._is_over:
            if self._due_s >= self.ends_s or self._requests_left == 0:
                self._is_over = True
                for connection in self._idle:
                    connection.finish()
                return
            self._due_s += 1 / self._rate
            self._take_one()
            idle = self._take_idle()
            if idle is not None:
                idle.send()
            else:
                self._late += 1
        loop.call_later(max(0.0, self._due_s - now_s), self._tick)


async def run(arguments: argparse.Namespace) -> dict[str, object]:
    tally = Tally()
    loop = asyncio.get_running_loop()
    plan = Plan(arguments)
    connections = []
    for number in range(arguments.first, arguments.first + arguments.connections):
        _, connection = await loop.create_connection(
            partial(Connection, plan, tally, number), "127.0.0.1", arguments.port
        )
        connections.append(connection)
    plan.start(connections)
    async with asyncio.timeout(arguments.seconds + GRACE_S):
        await plan.done.wait()
    is_timed = not arguments.requests and not arguments.rate
    counted_s = arguments.seconds * 4 / 5 if is_timed else tally.last_s - plan.begun_s
    ordered = sorted(tally.latencies_s)
    return {
        "requests": len(ordered),
        "seconds": round(counted_s, 3),
        "per_s": round(len(ordered) / counted_s, 1),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 3),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 3),
        "mean_ms": round(sum(ordered) / len(ordered) * 1000, 3),
        "max_ms": round(ordered[-1] * 1000, 3),
        "statuses": dict(tally.statuses),
        "cpu_s": round(time.process_time(), 2),
        "begun_ns": round(plan.begun_s * 1e9),
        "ended_ns": round(tally.last_s * 1e9),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument(
        "--first",
        type=int,
        default=0,
        help="number of the first connection: which keys a connection uses, and when, goes by its number",
    )
    parser.add_argument("--seconds", type=float, default=5, help="at most, with --requests")
    parser.add_argument("--requests", type=int)
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0: closed loop")
    parser.add_argument("--json", default="")
    parser.add_argument("--not-idempotent", action="store_true")
    parser.add_argument("--key", action="append")
    parser.add_argument("--keys-file", default="", help="keys in a file, one a line")
    parser.add_argument("--header", action="append", help="a line of each request's head")
    parser.add_argument("--pipelined", type=int, default=1, help="requests in one write")
    parser.add_argument("--recipients", type=int, default=1000)
    print(json.dumps(uvloop.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
