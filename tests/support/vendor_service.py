"""Vendors of credit on loopback: they do what the real ones' documents say, and fail when they are told to."""

import hashlib
import itertools
import json
from abc import ABC, abstractmethod
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from billing.fulfilment.options import checked_options
from billing.fulfilment.protocol import Supplier, Tools
from billing.fulfilment.registry import discover
from kernel.clock import Clock, FixedClock
from keys.vault import Vault

# lost: nothing is done, no answer. late: it is done, no answer. html: it is done, and a proxy's page
# comes in the answer's place. busy: 429. denied: 401.
Fault = Literal["none", "lost", "late", "html", "busy", "denied"]
Answer = tuple[int, Any]
NO_ANSWER = frozenset({"lost", "late"})
VAULT = Vault([b"v" * 32])
NOW_US = 1_795_000_000_000_000


def made(
    client: httpx.AsyncClient, kind: str, clock: Clock | None = None, **options: Any
) -> Supplier:
    """A supplier of that kind with these options."""
    registration = discover()[kind]
    tools = Tools(
        client,
        clock or FixedClock(NOW_US),
        None,  # type: ignore[arg-type]  # these kinds keep no rows
        VAULT,
        kind,
        "live",
    )
    return registration.make(checked_options(registration, options), tools)


class VendorService(ABC):
    """A vendor's API. `faults` are what befalls the next requests, the first first; headers: of each answer."""

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.command, self.path))
                fault = outer.faults.popleft() if outer.faults else "none"
                status, answer = outer.befallen(fault, self.command, self.path, body)
                if fault in NO_ANSWER:
                    self.close_connection = True
                    return
                self.send_response(status)
                if fault == "busy":
                    self.send_header("Retry-After", "7")
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self) -> None:
                self.do_POST()

            def do_PATCH(self) -> None:
                self.do_POST()

            def do_PUT(self) -> None:
                self.do_POST()

            def do_DELETE(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def befallen(self, fault: Fault, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """What is answered, bytes for bytes."""
        if fault == "busy":
            return 429, b'{"error": {"code": 429, "message": "slow down"}}'
        if fault == "denied":
            return 401, b'{"error": {"code": 401, "message": "no such key"}}'
        if fault == "lost":
            return 0, b""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, answer = self.answer(method, parts.path, query, json.loads(body or b"{}"))
        if fault == "html":
            return 200, b"<html><body>Bad gateway</body></html>"
        return status, json.dumps(answer).encode()

    @abstractmethod
    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """What the vendor does and says."""


def _error(status: int, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message}}


class OpenRouterService(VendorService):
    """Keys by hash, the newest first in lists of `page_keys`."""

    page_keys = 3

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, dict[str, Any]] = {}
        self._secrets = (f"sk-or-v1-{number:064x}" for number in itertools.count(1))

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        if path == "/credits":
            return 200, {"data": {"total_credits": 100.5, "total_usage": 25.75}}
        if path == "/keys":
            return self._listed(query) if method == "GET" else self._made(body)
        key = self.keys.get(path.removeprefix("/keys/"))
        if key is None:
            return _error(404, "API key not found")
        if method == "DELETE":
            del self.keys[key["hash"]]
            return 200, {"deleted": True}
        if method == "PATCH":
            key.update(body)
        key["limit_remaining"] = None if key["limit"] is None else key["limit"] - key["usage"]
        return 200, {"data": key}

    def value_of(self, key_id: str) -> float:
        """What the key may spend in its life, in US dollars; 0 for one that cannot spend."""
        key = self.keys.get(key_id)
        return 0.0 if key is None or key["disabled"] else float(key["limit"])

    def spend(self, key_id: str, usd: float) -> None:
        self.keys[key_id]["usage"] += usd

    def raise_by_hand(self, key_id: str, usd: float) -> None:
        self.keys[key_id]["limit"] += usd

    def _listed(self, query: dict[str, str]) -> Answer:
        start = int(query.get("offset", "0"))
        newest = list(reversed(self.keys.values()))
        return 200, {"data": newest[start : start + self.page_keys]}

    def _made(self, body: dict[str, Any]) -> Answer:
        secret = next(self._secrets)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        self.keys[digest] = {
            "hash": digest,
            "name": body["name"],
            "label": f"{secret[:12]}...{secret[-3:]}",
            "disabled": False,
            "limit": body["limit"],
            "limit_remaining": body["limit"],
            "limit_reset": None,
            "include_byok_in_limit": body["include_byok_in_limit"],
            "usage": 0.0,
            "created_at": "2026-11-22T10:30:00Z",
            "updated_at": None,
        }
        return 201, {"data": self.keys[digest], "key": secret}


class LiteLlmService(VendorService):
    """Virtual keys by the SHA-256 of their secrets; aliases are unique."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        if path == "/key/list":
            return 200, {"keys": list(self.keys)[:1], "total_count": len(self.keys)}
        if path == "/key/generate":
            return self._made(body)
        key_id = query["key"] if method == "GET" else body["key"]
        key = self.keys.get(key_id)
        if key is None:
            return 404, _said("Key not found in database", "not_found_error", "404")
        if method == "GET":
            return 200, {"key": key_id, "info": key}
        if self._is_taken(body["key_alias"], key_id):
            return 400, _said("Key with alias already exists", "bad_request_error", "400")
        key.update({name: value for name, value in body.items() if name != "key"})
        return 200, {"key": key_id, **key}

    def value_of(self, key_id: str) -> float:
        """What the key may spend in its life, in US dollars; 0 for one that cannot spend."""
        key = self.keys.get(key_id)
        return 0.0 if key is None or key["blocked"] else float(key["max_budget"])

    def spend(self, key_id: str, usd: float) -> None:
        self.keys[key_id]["spend"] += usd

    def raise_by_hand(self, key_id: str, usd: float) -> None:
        self.keys[key_id]["max_budget"] += usd

    def _made(self, body: dict[str, Any]) -> Answer:
        digest = hashlib.sha256(body["key"].encode()).hexdigest()
        if self._is_taken(body["key_alias"], None):
            return 400, _said("Key with alias already exists", "bad_request_error", "400")
        self.keys[digest] = {
            "key_alias": body["key_alias"],
            "key_name": f"sk-...{body['key'][-4:]}",
            "spend": 0.0,
            "max_budget": body["max_budget"],
            "budget_duration": None,
            "blocked": None,
            "expires": None,
            "metadata": {},
        }
        return 200, {"key": body["key"], "token_id": digest, **self.keys[digest]}

    def _is_taken(self, alias: str, but: str | None) -> bool:
        return any(key["key_alias"] == alias and one != but for one, key in self.keys.items())


def _said(message: str, kind: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": "key", "code": code}}


class NewApiService(VendorService):
    """Redemption codes and users; a search finds by the beginning of a name, `page_rows` a page."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[dict[str, Any]] = []
        self.users: dict[int, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        if path == "/api/redemption/search":
            found = [one for one in self.codes if one["name"].startswith(query["keyword"])]
            return _page(found[::-1], query)
        if path == "/api/redemption/":
            return self._changed_code(body) if method == "PUT" else self._made_code(body)
        if path == "/api/user/search":
            found = [one for one in self.users.values() if query["keyword"] in one["email"]]
            return _page(found, query)
        if path == "/api/user/manage":
            self.users[body["id"]]["quota"] += body["value"]
            return 200, {"success": True, "message": ""}
        return 200, {
            "success": True,
            "message": "",
            "data": self.users[int(path.rsplit("/", maxsplit=1)[-1])],
        }

    def add_user(self, email: str, quota: int = 0, **more: Any) -> int:
        number = next(self._ids)
        self.users[number] = {
            "id": number,
            "email": email,
            "quota": quota,
            "used_quota": 0,
            "status": 1,
            "role": 1,
            "DeletedAt": None,
            **more,
        }
        return number

    def _made_code(self, body: dict[str, Any]) -> Answer:
        number = next(self._ids)
        key = hashlib.sha256(str(number).encode()).hexdigest()[:32]
        row = {"id": number, "name": body["name"], "key": key, "quota": body["quota"]}
        self.codes.append({**row, "status": 1, "redeemed_time": 0, "used_user_id": 0})
        return 200, {"success": True, "message": "", "data": [key]}

    def _changed_code(self, body: dict[str, Any]) -> Answer:
        for code in self.codes:
            if code["id"] == body["id"]:
                code["status"] = body["status"]
                return 200, {"success": True, "message": "", "data": code}
        return 200, {"success": False, "message": "record not found"}


def _page(rows: list[dict[str, Any]], query: dict[str, str]) -> Answer:
    size = int(query["page_size"])
    start = (int(query["p"]) - 1) * size
    items = rows[start : start + size] or None
    data = {"page": int(query["p"]), "page_size": size, "total": len(rows), "items": items}
    return 200, {"success": True, "message": "", "data": data}
