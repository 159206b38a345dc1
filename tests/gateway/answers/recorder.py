"""Asks a running gateway and writes down what it answers, so that two runs write the same text.

Ids, secrets, ports and measured times differ from run to run: each is replaced by a word, an id by
its prefix and a number that counts the ids of that prefix in the order in which they appeared. All
else is kept as it came, each byte of a body and the order of its fields.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.http.routing import Router
from gateway.surfaces import API_PREFIX, SURFACES
from kernel.clock import FixedClock
from tests.support.gateway import Gateway
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

_COUNTED = (
    re.compile(r"(qte)_[0-9]+_[0-9]+_[0-9a-f]{64}"),
    re.compile(
        r"(?<![A-Za-z])(ak_staging|ak_live|sat_staging|oas|oat|whsec|whpk)_[0-9A-Za-z+/=]{32,}"
    ),
    re.compile(r"(?<![A-Za-z])(ATU)(?:-[0-9A-Z]{4}){5}"),
    re.compile(r"(?<![A-Za-z])(TOPUP)(?:-[0-9A-Z]{4}){3}"),
    # Pages by a token, which may look like anything, also like an id at its beginning; but no id. A token
    # has 22 characters and more: one more than an id of four letters and 16.
    re.compile(
        r"(?<=/)(checkout|portal|claim|no-mail|receipts|status)"
        r"/(?![a-z]{2,4}_[0-9A-Za-z]{16}(?![0-9A-Za-z_.~=-]))[0-9A-Za-z_.~=-]{20,}"
    ),
    re.compile(r"(?<![0-9A-Za-z_-])([a-z]{2,5})_[0-9A-Za-z]{16}(?![0-9A-Za-z])"),
    re.compile(r"(?<![0-9a-f])()[0-9a-f]{32}(?![0-9a-f])"),
    # What a user's consent leads back to its app with.
    re.compile(r'(?<="code": ")()[0-9A-Za-z]{16}(?=")'),
    # An id as a whole number.
    re.compile(r"(?<![0-9])()[0-9]{16}(?![0-9])"),
)
_KINDS = ("", "", "", "", "", "", "order-no", "consent", "number")
_PLAIN = (
    (re.compile(r'"(duration_ms|p50|p95)":\d+'), r'"\1":<ms>'),
    (re.compile(r'"(prefix|last4|voucher_code_hint|body_sha256)":"[^"]+"'), r'"\1":"<\1>"'),
    (re.compile(r'"number":"ATU-[0-9A-Z]{4}"'), '"number":"ATU-<hint>"'),
    # Noted some time after the use, so it may be there or not.
    (re.compile(r'"last_used_at":(?:null|"[^"]+")'), r'"last_used_at":<null or a minute>'),
    # A wait is up to a fifth longer or shorter.
    (
        re.compile(r'"attempts_made":1,"next_attempt_at":"[^"]+"'),
        '"attempts_made":1,"next_attempt_at":"<soon>"',
    ),
    (re.compile(r'"(device_code)": ?"[0-9A-Za-z_-]{43}"'), r'"\1":"<\1>"'),
    (re.compile(r"(?<![A-Z-])[B-Z]{4}-[B-Z]{4}(?![A-Z-])"), "<user_code>"),
    (re.compile(r"http://127\.0\.0\.1:\d{4,5}"), "http://<server>"),
    (re.compile(r'Payment id="[^"]+", realm="[^"]+"'), 'Payment id="<mac>", realm="<server>"'),
    (re.compile(r'opaque="[^"]+"'), 'opaque="<identifier>"'),
    (re.compile(r'"remote_address":"127\.0\.0\.1:\d+"'), '"remote_address":"127.0.0.1:<port>"'),
    (re.compile(r'"(timings_ms)":\{([^}]*)\}'), None),
)


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
    _names: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
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
        request = self._plain("\n".join(lines))
        text = self._plain(answer.text).replace("\r", "\\r")
        told = [self._plain(line) for line in told]
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

    def _plain(self, text: str) -> str:
        for pattern, kind in zip(_COUNTED, _KINDS, strict=True):
            text = pattern.sub(self._counted(kind), text)
        for plain, word in _PLAIN:
            text = plain.sub(word if word is not None else _timings, text)
        return text

    def _counted(self, kind: str) -> Callable[[re.Match[str]], str]:
        def name(found: re.Match[str]) -> str:
            known = self._names.get(found[0])
            if known is None:
                prefix = found[1] or kind
                self._counts[prefix] = self._counts.get(prefix, 0) + 1
                known = self._names[found[0]] = f"<{prefix}-{self._counts[prefix]}>"
            return known

        return name


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")[:200]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _timings(found: re.Match[str]) -> str:
    inside = re.sub(r":[\d.]+", ":<ms>", found[2])
    return f'"{found[1]}":{{{inside}}}'
