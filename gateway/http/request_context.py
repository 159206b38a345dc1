"""Hold one HTTP request while the gateway handles it: its content, its caller and the result."""

import re
import time
from collections.abc import Mapping
from typing import Generic, TypeVar

from msgspec import UNSET, UnsetType
from starlette.types import Receive, Scope

from gateway.answers.envelope import refuse
from gateway.answers.refusals import Refuse
from gateway.http.auth import caller_address
from kernel.ids import new_id
from kernel.trace import Span, line_of
from keys.principal import Address, Environment, Principal
from runtime.context import Context
from store.idempotency import RequestKey

B = TypeVar("B")
Q = TypeVar("Q")

REQUEST_ID_PREFIX = "req"
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestContext(Generic[B, Q]):
    """An HTTP request. Each part is None until the pipeline sets it.

    - whole: the body, if it arrived together with the headers.
    - template: the route's path without the caller's values, so that logs and metrics can contain it.
    - agent: the URL of the agent that signed the request. gateway/http/rate_limit.py looks it up when it is
      needed.
    - receive: the server's receive function. A long wait uses it to notice that the client has disconnected. It
      is None for a request from inside the process.
    """

    __slots__ = (
        "agent",
        "body",
        "context",
        "credential",
        "headers",
        "method",
        "params",
        "path",
        "query",
        "raw",
        "receive",
        "refuse",
        "reply_headers",
        "request_id",
        "request_key",
        "scope",
        "session_token",
        "span",
        "started_s",
        "status",
        "template",
        "trace",
        "whole",
    )

    body: B
    query: Q
    span: Span | None

    def __init__(self, context: Context, scope: Scope, whole: bytes | None = None) -> None:
        self.context = context
        self.scope = scope
        self.whole = whole
        self.started_s = time.perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        headers = self.headers = _headers(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"))
        self.request_id = request_id.encode()
        self.reply_headers: list[tuple[bytes, bytes]] = [(b"x-request-id", self.request_id)]
        self.trace = _trace(request_id, headers)
        self.template = ""
        self.refuse: Refuse = refuse
        self.params: Mapping[str, str] = {}
        self.raw = b""
        self.receive: Receive | None = None
        self.request_key: RequestKey | None = None
        self.session_token: str | None = None
        self.credential: Principal | None = None
        self.agent: str | UnsetType | None = UNSET
        self.status = 0

    @property
    def principal(self) -> Principal:
        assert self.credential is not None, "a public route has no principal"
        return self.credential

    @principal.setter
    def principal(self, principal: Principal) -> None:
        self.credential = principal

    @property
    def environment(self) -> Environment | None:
        return None if self.credential is None else self.credential.environment

    @property
    def request_digest(self) -> str | None:
        return None if self.request_key is None else self.request_key.request_digest

    @property
    def now_us(self) -> int:
        return self.context.clock.now_us()

    @property
    def home(self) -> str:
        settings = self.context.settings
        host = self.headers.get(b"host", b"").decode("latin-1")
        if settings.public_url or _HOST.fullmatch(host) is None:
            return settings.address()
        return f"{self.scope['scheme']}://{host}"

    @property
    def address_text(self) -> str | None:
        client = self.scope.get("client")
        if client is not None and self.context.settings.trusted_proxies:
            found = self.address
            return None if found is None else str(found)
        return client[0] if client else None

    @property
    def address(self) -> Address | None:
        client = self.scope.get("client")
        return caller_address(
            client[0] if client else None,
            self.headers.get(b"x-forwarded-for"),
            self.context.settings.trusted_proxies,
        )


def _headers(listed: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by lower-case name. Join a repeated header's values, so that none is ignored."""
    headers = dict(listed)
    if len(headers) != len(listed):
        headers = {}
        for name, value in listed:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _trace(request_id: str, headers: Mapping[bytes, bytes]) -> str:
    parent = headers.get(b"traceparent")
    return request_id if parent is None else line_of(request_id, parent, headers.get(b"tracestate"))


def _request_id(given: bytes | None) -> str:
    if given is not None and _SANE_ID.fullmatch(given):
        return given.decode()
    return new_id(REQUEST_ID_PREFIX)
