"""Record each request in one log line, two metrics and a span. Some requests also get a row in the request
log.

Only route templates, our own IDs and the masked request ID are logged.
"""

import logging
import time
from typing import Any

from gateway.answers.answer import Answer
from gateway.answers.envelope import code_of, transaction_id_of
from gateway.http.auth import PROBED
from gateway.http.rate_limit import agent_of
from gateway.http.request_context import RequestContext
from kernel.clock import SECOND_US
from kernel.fields import Fields
from kernel.trace import trace_id_of
from runtime.context import Context
from runtime.request_log.rows import LoggedRequest, fresh_id
from runtime.traces.tracing import Attributes, Tracing

HTTP_OK = 200
HTTP_REFUSED = 400
HTTP_FAILED = 500
SEND_PATH = "/topup/send"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LENGTH_DIGITS_MAX = 12
_KEPT = (
    "/api/operator/v1/",
    "/api/public/v1/keys",
    "/api/public/v1/webhooks",
    "/api/public/v1/portal-links",
    "/api/public/v1/tokens",
    "/api/public/v1/approvals",
    "/api/public/v1/replays",
    "/api/public/v1/subscriptions",
    "/api/public/v1/prices",
)
_log = logging.getLogger(__name__)


# Logger.info would look up the caller's file and line each time.
_SAME = vars(logging.LogRecord(_log.name, logging.INFO, "", 0, "request", None, None))


class _Line(logging.LogRecord):
    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(_SAME)
        self.created = time.time()
        self.fields = fields


class AccessLog:
    def __init__(self, context: Context) -> None:
        self._requests = context.metrics.requests
        self._sends = context.metrics.sends

    def begin(self, call: RequestContext[Fields, Fields]) -> None: ...

    def note(self, call: RequestContext[Fields, Fields], answer: Answer | None) -> None:
        duration_s = time.perf_counter() - call.started_s
        template = _template_of(call)
        if call.path in PROBED and call.status == HTTP_OK:
            return  # Health checks come every few seconds, and nobody reads their records.
        method = _method_of(call)
        self._requests.note(template, method, call.status, duration_s)
        body = answer.body if answer is not None else b""
        caller, agent = call.credential, agent_of(call)
        if agent is not None and caller is not None and caller.key_id is not None:
            call.context.agents.note(caller.key_id, agent)
        if answer is not None and _is_kept(call):
            record(call, call.status, body)
        if template.endswith(SEND_PATH):
            self._sends.add(code_of(body), "none" if caller is None else caller.environment)
        if not _log.isEnabledFor(logging.INFO):
            return
        fields = {
            "request_id": call.request_id.decode(),
            "method": method,
            "route": template,
            "status": call.status,
            "code": code_of(body) if body else 0,
            "duration_ms": round(duration_s * 1000, 2),
            "account_id": None if caller is None else caller.account_id,
            "environment": None if caller is None else caller.environment,
            "credential_id": None if caller is None else caller.credential_id,
            "transaction_id": transaction_id_of(body) if body else None,
            "is_replay": answer is not None and answer.is_replay,
            "address": call.address_text,
        }
        if (trace_id := trace_id_of(call.trace)) is not None:
            fields["trace_id"] = trace_id
        if agent is not None:
            fields["agent"] = agent
        _log.handle(_Line(fields))


class TracedAccessLog(AccessLog):
    def __init__(self, context: Context, tracing: Tracing) -> None:
        super().__init__(context)
        self._tracing = tracing

    def begin(self, call: RequestContext[Fields, Fields]) -> None:
        call.span = None if call.path in PROBED else self._tracing.begin_request(call.trace)
        if call.span is not None:
            call.trace = call.span.line

    def note(self, call: RequestContext[Fields, Fields], answer: Answer | None) -> None:
        super().note(call, answer)
        if call.span is None:
            return
        body = b"" if answer is None else answer.body
        caller = call.credential
        method, template = _method_of(call), _template_of(call)
        attributes: Attributes = {
            "http.request.method": method,
            "http.route": template,
            "http.response.status_code": call.status,
            "topup.code": code_of(body) or None,
            "topup.request_id": call.request_id.decode(),
            "topup.transaction_id": transaction_id_of(body),
            "topup.environment": None if caller is None else caller.environment,
            "topup.is_replay": answer is not None and answer.is_replay,
        }
        name, is_error = f"{method} {template}", call.status >= HTTP_FAILED
        self._tracing.end(call.span, name, attributes, is_error=is_error)


def _template_of(call: RequestContext[Fields, Fields]) -> str:
    return call.template or "other"


def _method_of(call: RequestContext[Fields, Fields]) -> str:
    return call.method if call.method in _METHODS else "other"


def record(
    call: RequestContext[Fields, Fields], status: int, body: bytes, *, fragment: str = ""
) -> None:
    """Queue the request for the sender's request log. A successful response is left out, because it may
    contain a secret.
    """
    log, caller = call.context.request_log, call.credential
    if caller is None or not log.is_on:
        return
    raw = call.raw or call.whole or b""
    row = LoggedRequest(
        id=fresh_id(),
        request_id=call.request_id.decode(),
        account_id=caller.account_id,
        environment=caller.environment,
        credential_id=caller.credential_id,
        method=call.method,
        route=call.template,
        path=_path(call) + fragment,
        status=status,
        code=code_of(body) or None,
        transaction_id=transaction_id_of(body),
        duration_us=int((time.perf_counter() - call.started_s) * SECOND_US),
        address=call.address_text,
        user_agent=_header(call, b"user-agent"),
        idempotency_key=_header(call, b"idempotency-key"),
        content_type=_header(call, b"content-type"),
        request_bytes=len(raw) or _length(call),
        request_body="",
        response_body="",
        agent=agent_of(call),
        created_at=call.now_us,
    )
    log.note(row, raw, body if status >= HTTP_REFUSED else b"")


def _is_kept(call: RequestContext[Fields, Fields]) -> bool:
    """Return whether the request failed or changed a setting.

    Successful sends are recorded as top-ups anyway.
    """
    if call.status >= HTTP_REFUSED:
        return True
    return call.method in _CHANGING and call.template.startswith(_KEPT)


def _path(call: RequestContext[Fields, Fields]) -> str:
    query: bytes = call.scope["query_string"]
    return f"{call.path}?{query.decode('latin-1')}" if query else call.path


def _header(call: RequestContext[Fields, Fields], name: bytes) -> str | None:
    value = call.headers.get(name)
    return None if value is None else value.decode("latin-1")


def _length(call: RequestContext[Fields, Fields]) -> int:
    said = call.headers.get(b"content-length", b"")
    return int(said) if said.isdigit() and len(said) < _LENGTH_DIGITS_MAX else 0
