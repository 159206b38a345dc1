"""A receiver that costs little: it counts, keeps latencies, and answers at once or after a delay.

    python -m bench.sink [--delay-ms 50]

A process of its own; its first line on stdout is its port. GET /count, /stats and /reset steer it,
every POST is a webhook: distinct ones are told apart by webhook-id, and the moment of sending is
read from `"sent":"<perf_counter_ns>"` in the body. tests/support/receiver.py, which keeps whole requests,
serves where the content matters.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Self, cast

import uvloop

REQUEST_BYTES_MAX = 1 << 20
PAUSE_S = 0.02
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_SENT = b'"sent":"'


@dataclass(slots=True)
class Tally:
    """What came since the last reset; moments by time.perf_counter_ns."""

    received: int = 0
    ids: set[bytes] = field(default_factory=set)
    latencies_ns: list[int] = field(default_factory=list)
    first_ns: int = 0
    last_ns: int = 0

    def take(self, head: bytes, lowered: bytes, body: bytes) -> None:
        now_ns = time.perf_counter_ns()
        self.received += 1
        self.first_ns = self.first_ns or now_ns
        self.last_ns = now_ns
        at = lowered.find(b"webhook-id:")
        if at >= 0:
            # As it came: ids that differ in case alone are different ones.
            self.ids.add(head[at + 11 : head.find(b"\r\n", at)])
        at = body.find(_SENT)
        if at >= 0:
            at += len(_SENT)
            self.latencies_ns.append(now_ns - int(body[at : body.find(b'"', at)]))

    def count(self) -> dict[str, int]:
        return {"received": self.received, "unique": len(self.ids)}

    def stats(self) -> dict[str, float]:
        ordered = sorted(self.latencies_ns) or [0]
        return {
            **self.count(),
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "p50_ms": ordered[len(ordered) // 2] / 1e6,
            "p99_ms": ordered[int(len(ordered) * 0.99)] / 1e6,
            "mean_ms": sum(ordered) / len(ordered) / 1e6,
            "cpu_s": time.process_time(),
        }


class Connection(asyncio.Protocol):
    """Keeps alive; answers requests in order."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        while buffer:
            head_end = buffer.find(b"\r\n\r\n")
            if head_end < 0:
                break
            head = buffer[: head_end + 2]
            lowered = head.lower()
            at = lowered.find(b"content-length:")
            length = int(head[at + 15 : head.find(b"\r\n", at)]) if at >= 0 else 0
            assert length <= REQUEST_BYTES_MAX
            end = head_end + 4 + length
            if len(buffer) < end:
                break
            body, buffer = buffer[head_end + 4 : end], buffer[end:]
            self._desk.answer(self._transport, head, lowered, body)
        self._buffer = buffer


class Desk:
    """Answers webhooks and the harness's questions."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._tally = Tally()

    def answer(
        self, transport: asyncio.Transport, head: bytes, lowered: bytes, body: bytes
    ) -> None:
        if head.startswith(b"GET "):
            said = json.dumps(self._asked(head.split(b" ", 2)[1])).encode()
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
            return
        self._tally.take(head, lowered, body)
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, _write, transport)
        else:
            transport.write(_ANSWER)

    def _asked(self, path: bytes) -> dict[str, Any]:
        if path == b"/stats":
            return self._tally.stats()
        if path == b"/reset":
            self._tally = Tally()
        return self._tally.count()


def _write(transport: asyncio.Transport) -> None:
    # Whoever asked may have gone meanwhile.
    if not transport.is_closing():
        transport.write(_ANSWER)


class Sink:
    """The process, from outside."""

    def __init__(self, delay_ms: float = 0) -> None:
        argv = [sys.executable, "-m", "bench.sink", "--delay-ms", str(delay_ms)]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def stats(self) -> dict[str, float]:
        return dict(self._ask("/stats"))

    def reset(self) -> None:
        self._ask("/reset")

    def wait(self, unique: int, *, timeout_s: float) -> dict[str, float]:
        """The statistics once so many distinct webhooks came; raises TimeoutError."""
        deadline_s = time.monotonic() + timeout_s
        while (came := self._ask("/count")["unique"]) < unique:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{came} of {unique} webhooks came within {timeout_s} s")
            time.sleep(PAUSE_S)
        return self.stats()

    def _ask(self, path: str) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return cast(dict[str, float], json.load(answer))


async def serve(delay_s: float) -> None:
    """Until it is killed, or its parent is gone: then its standard input ends."""
    desk = Desk(delay_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(desk), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay-ms", type=float, default=0)
    uvloop.run(serve(parser.parse_args().delay_ms / 1000))


if __name__ == "__main__":
    main()
