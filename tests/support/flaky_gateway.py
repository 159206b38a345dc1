"""A gateway on loopback that answers as it is told, and notes what it was sent."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final, Self

KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Reply:
    """status 0: hang up. body: JSON, or text as it is."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


FUNDED = Reply(
    body={
        "success": True,
        "code": 1000,
        "message": "Success",
        "transaction_id": None,
        "status": "ok",
        "timestamp": "2026-06-13T12:00:00Z",
        "data": {"id": "fund_1", "amount_cents": 100, "balance_cents": 300},
    }
)


def refusal(code: int, next_action: str) -> dict[str, Any]:
    """Return the body of a refusal that says how to repair the request."""
    site = "https://topup.example"
    problem = {
        "param": "platform",
        "detail": "It must be one of claude, gemini.",
        "did_you_mean": "claude",
    }
    error = {
        "detail": "Something is wrong.",
        "param": "platform",
        "retryable": True,
        "retry_after_s": None,
        "next_action": next_action,
        "doc_url": f"{site}/docs/codes/{code}",
        "errors": [problem],
        "links": [{"rel": "platforms", "method": "GET", "href": f"{site}/api/public/v1/platforms"}],
        "max_now_cents": 5,
    }
    told = {"success": False, "code": code, "message": "Refused", "status": "error"}
    return {**FUNDED.body, **told, "data": {"error": error}}


BUSY: Final = Reply(503, refusal(4005, "wait"))
IN_PROGRESS: Final = Reply(409, refusal(4003, "wait"))
LIMITED: Final = Reply(429, refusal(4001, "wait"), {"Retry-After": "0"})
LIMITED_FOR_LONG: Final = Reply(429, refusal(4001, "wait"), {"Retry-After": "3600"})
PROXY: Final = Reply(502, "<html>Bad gateway</html>")
SILENT: Final = Reply(0)
WRONG: Final = Reply(422, refusal(2003, "fix_request"), {"X-Request-Id": "req_1"})


class FlakyGateway:
    """Gives its replies in order, the last one again and again."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = deque(replies)
        self.keys: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.keys.append(self.headers.get(KEY))
                reply = outer.replies[0] if len(outer.replies) == 1 else outer.replies.popleft()
                if not reply.status:
                    self.close_connection = True
                    return
                body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def do_GET(self) -> None:
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
