"""Asks a running gateway and writes down what it answers, so that two runs write the same text.

Ids, secrets, ports and measured times differ from run to run: each is replaced by a word, an id by
its prefix and a number that counts the ids of that prefix in the order in which they appeared. All
else is kept as it came, each byte of a body and the order of its fields.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.http.routing import Router
from gateway.surfaces import API_PREFIX, SURFACES
from kernel.clock import FixedClock
from tests.support.gateway import Gateway
from tests.support.masks import Masks
from tests.support.recordings import RECORDINGS

FOLDER = RECORDINGS / "answers"
# What a caller may act on. The rest is the same for every answer, or differs from run to run.
HEADERS = (
    "content-type",
    "content-disposition",
    "cache-control",
    "allow",
    "location",
    "retry-after",
    "www-authenticate",
    "idempotent-replayed",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
)
USUAL = {"content-type": "application/json", "cache-control": "no-store"}


@dataclass(slots=True)
class Exchange:
    """One request and its answer, in words that are the same in each run."""

    route: str
    note: str
    request: str
    answer: str

    def text(self) -> str:
        return f"--- {self.note}\n{self.request}\n{self.answer}\n"


@dataclass(slots=True)
class Recorder:
    """One gateway's exchanges. The clock goes on by a second before each request."""

    gateway: Gateway
    clock: FixedClock
    folder: Path
    exchanges: list[Exchange] = field(default_factory=list)
    masks: Masks = field(default_factory=Masks)
    _router: Router = field(default_factory=lambda: Router(SURFACES))

    async def own(
        self, note: str, method: str, path: str, key: str | None = None, **more: Any
    ) -> Any:
        """The `data` of a call of our own API."""
        answer = await self.ask(note, method, API_PREFIX + path, key, **more)
        is_json = answer.headers.get("content-type") == "application/json" and answer.content
        return answer.json()["data"] if is_json else None

    async def ask(
        self,
        note: str,
        method: str,
        path: str,
        key: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> httpx.Response:
        """Sends the request and writes the exchange down; body is httpx's json, data or content."""
        self.clock.advance_s(1)
        given = {"User-Agent": "recorder", **(headers or {})}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        answer = await self.gateway.client.request(method, path, headers=given, **body)
        self._keep(note, method, path, headers or {}, body, answer)
        return answer

    def written(self) -> str:
        """All exchanges by route, each route's in the order in which they were made."""
        by_route: dict[str, list[Exchange]] = {}
        for one in self.exchanges:
            by_route.setdefault(one.route, []).append(one)
        return "\n".join(
            f"=== {route}\n\n" + "\n".join(one.text() for one in by_route[route])
            for route in sorted(by_route)
        )

    def _keep(
        self,
        note: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any],
        answer: httpx.Response,
    ) -> None:
        sent = [f"{name}: {value}" for name, value in headers.items() if "ignature" not in name]
        told = [f"{name}: {answer.headers[name]}" for name in HEADERS if name in answer.headers]
        usual = [f"{name}: {value}" for name, value in USUAL.items()]
        told = [line for line in told if line not in usual or told[:2] != usual]
        lines = [f"{method} {path}", *sent, *(_shown(value) for value in body.values())]
        request = self.masks.plain("\n".join(lines))
        text = self.masks.plain(answer.text).replace("\r", "\\r")
        told = [self.masks.plain(line) for line in told]
        self.exchanges.append(
            Exchange(
                f"{method} {self._template(path)}",
                note,
                request,
                "\n".join([str(answer.status_code), *told, *([text] if text else [])]),
            )
        )

    def _template(self, path: str) -> str:
        plain = path.partition("?")[0]
        found = self._router.match(plain)
        return plain if found is None else found[0].template


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")[:200]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
