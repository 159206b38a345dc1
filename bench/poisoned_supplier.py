"""An `http` supplier that hands over something else than was ordered, and what each top-up may become of it.

Poisons take turns by top-up; asked again for the same one it does the same, until `is_well`.
"""

import asyncio
import contextlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kernel.clock import SECOND_US, SystemClock
from keys.signatures.signing import signature_headers
from tests.support.installation import API

SECRET: Final = "whsec_" + "cG9pc29uZWQgc3VwcGxpZXIgb2YgYmVuY2g="
# Longer than the gateway waits for it.
HANG_S: Final = 30.0
# A contradiction comes once the first word has long been settled.
LATER_S: Final = 1.0
# How a top-up may end: delivered, failed with its funds back, or left to an operator with the word kept.
DELIVERED: Final = frozenset({"delivered"})
FAILED: Final = frozenset({"failed"})
DESK: Final = frozenset({"desk"})

Answer = Callable[[str, str], Any]  # of a transaction and a code of its own: JSON, or a response


@dataclass(frozen=True, slots=True)
class Poison:
    """answer: what it says while it is not well. later: what it says by callback after that.

    is_pair: two top-ups in a row get the same code.
    """

    name: str
    ends: frozenset[str]
    answer: Answer
    later: Callable[[str], Mapping[str, Any]] | None = None
    is_pair: bool = False


def code(value: object, **more: object) -> dict[str, object]:
    """A delivered code as the service says it."""
    return {"status": "delivered", "deliverable": {"kind": "code", "value": value, **more}}


def _says(said: object) -> Answer:
    return lambda _id, _code: said


def _raw(body: bytes, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _id, _code: Response(body, status, named)


async def _hang() -> Response:
    await asyncio.sleep(HANG_S)
    return Response(b"", 200)


_LINK: Final = {"kind": "link", "value": "javascript:alert(1)"}
POISONS: Final = (
    Poison("one code for two", DELIVERED | DESK, lambda _id, own: code(own), is_pair=True),
    Poison("expired", DESK, lambda _id, own: code(own, expires_at="2020-01-01T00:00:00Z")),
    Poison("cost", DESK, lambda _id, own: {**code(own), "cost_cents": 10**12}),
    Poison("link", DESK, _says({"status": "delivered", "deliverable": _LINK})),
    Poison("platform", DESK, lambda _id, own: {**code(own), "platform": "other"}),
    Poison("amount", DESK, lambda _id, own: {**code(own), "amount_cents": 1}),
    Poison("environment", DESK, lambda _id, own: {**code(own), "environment": "live"}),
    Poison("a number for a code", DELIVERED, _says(code(7))),
    Poison("text for a deliverable", DELIVERED, _says({"status": "delivered", "deliverable": "X"})),
    Poison("true for a status", DELIVERED, _says({"status": True})),
    Poison("a negative cost", DELIVERED, lambda _id, own: {**code(own), "cost_cents": -1}),
    Poison("null", DELIVERED, _says(None)),
    Poison("another's word", DELIVERED, lambda _id, own: {**code(own), "transaction_id": "txn_x"}),
    Poison("control characters", DELIVERED, _says(code("A\x00\x1b[2J"))),
    Poison("HTML", DELIVERED, _raw(b"<html>Bad gateway</html>")),
    Poison("bytes", DELIVERED, _raw(bytes(range(256)) * 8)),
    Poison("deep", DELIVERED, _raw(b"[" * 60_000)),
    Poison("too long", DELIVERED, _raw(b" " * 300_000 + b"{}")),
    Poison("gzip", DELIVERED, _raw(b"\x1f\x8b nothing", content_encoding="gzip")),
    Poison("500", DELIVERED, _raw(b"", 500)),
    Poison("503 for a day", DELIVERED, _raw(b"", 503, retry_after="86400")),
    Poison("redirect", DELIVERED, _raw(b"", 307, location="/")),
    Poison("hang", DELIVERED, lambda _id, _own: _hang()),
    Poison("pending for ever", DELIVERED, _says({"status": "pending", "again_in_s": 1})),
    Poison(
        # If its worker is killed before the "failed" is settled, the second word is the only one.
        "failed, then delivered",
        FAILED | DELIVERED,
        _says({"status": "failed", "reason": "sold out"}),
        later=code,
    ),
    Poison(
        "delivered, then failed",
        DELIVERED | FAILED,
        lambda _id, own: code(own),
        later=lambda _own: {"status": "failed", "reason": "we did not mean it"},
    ),
    Poison(
        "a second code",
        DELIVERED,
        lambda _id, own: code(own),
        later=lambda own: code(f"{own}-SECOND"),
    ),
)


@dataclass
class PoisonedSupplier:
    """`asked` has the poison of each top-up, `handed` for whom each readable code was handed over."""

    prefix: str  # of its codes
    is_well: bool = True
    gateways: list[str] = field(default_factory=list)
    asks: int = 0
    asked: dict[str, Poison] = field(default_factory=dict)
    handed: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    callbacks: Counter[int] = field(default_factory=Counter)
    _codes: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _poisons: Iterator[Poison] = field(default_factory=lambda: itertools.cycle(_turns()))
    _later: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/", self._answer, methods=["POST"])])

    async def close(self) -> None:
        """Returns once everything that was to be said later is said."""
        await asyncio.gather(*self._later)

    async def _answer(self, request: Request) -> Response:
        self.asks += 1
        id_ = msgspec.json.decode(await request.body())["transaction_id"]
        if id_ not in self._codes:
            self._begin(id_)
        poison, own = self.asked.get(id_), self._codes[id_]
        if poison is None or (self.is_well and poison.ends == DELIVERED and not poison.later):
            said: Any = code(own)
        else:
            said = poison.answer(id_, own)
            if poison.later is not None:
                self._say_later(id_, poison.later(own))
        if asyncio.iscoroutine(said):
            said = await said
        if isinstance(said, Response):
            return said
        self._note(id_, said)
        return Response(msgspec.json.encode(said), media_type="application/json")

    def _begin(self, id_: str) -> None:
        """Draw the top-up's poison, unless all is well, and its code."""
        self._codes[id_] = f"{self.prefix}-{next(self._numbers):06}"
        if self.is_well:
            return
        poison = next(self._poisons)
        same = [other for other, its in self.asked.items() if its is poison and poison.is_pair]
        self.asked[id_] = poison
        if len(same) % 2:
            self._codes[id_] = self._codes[same[-1]]

    def _note(self, id_: str, said: Any) -> None:
        with contextlib.suppress(KeyError, TypeError):
            self.handed[said["deliverable"]["value"]].add(id_)

    def _say_later(self, id_: str, said: Mapping[str, Any]) -> None:
        self._note(id_, said)
        task = asyncio.create_task(self._call(id_, said))
        self._later.add(task)

    async def _call(self, id_: str, said: Mapping[str, Any]) -> None:
        await asyncio.sleep(LATER_S)
        body = msgspec.json.encode({**said, "transaction_id": id_})
        now_s = SystemClock().now_us() // SECOND_US
        signed = signature_headers(secrets=[SECRET], message_id=id_, timestamp_s=now_s, body=body)
        headers = {"Content-Type": "application/json", **signed}
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"{self.gateways[0]}{API}/fulfilment/{id_}"
            answer = await http.post(url, content=body, headers=headers, timeout=30)
        self.callbacks[answer.status_code] += 1


def _turns() -> list[Poison]:
    """Every poison once, and those that need two top-ups twice in a row."""
    return [one for one in POISONS for _ in range(2 if one.is_pair else 1)]
