"""One wide line and two figures for each request.

Invariant: paths are route templates and values are ids of ours, so neither a line nor a metric
holds what a caller made up; the request id is the exception, and the log's formatter masks it.
"""

import logging
import time
from typing import Any

from gateway.answers.answer import Answer
from gateway.answers.envelope import code_of, transaction_id_of
from gateway.http.fields import Fields
from gateway.http.hosts import PROBED
from gateway.http.request_context import RequestContext
from kernel.trace import trace_id_of
from runtime.context import Context

HTTP_OK = 200
SEND_PATH = "/topup/send"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = logging.getLogger(__name__)


# What is the same for all lines; Logger.info would fill it in anew and look for the caller's file
# and line, at the price of admitting the request [9 us, against 3].
_SAME = vars(logging.LogRecord(_log.name, logging.INFO, "", 0, "request", None, None))


class _Line(logging.LogRecord):
    """One request's record."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(_SAME)
        self.created = time.time()
        self.fields = fields


class AccessLog:
    """Notes every request once its answer is out."""

    def __init__(self, context: Context) -> None:
        self._requests = context.metrics.requests
        self._sends = context.metrics.sends

    def note(self, call: RequestContext[Fields, Fields], answer: Answer | None) -> None:
        duration_s = time.perf_counter() - call.started_s
        template = call.template or "other"
        if call.path in PROBED and call.status == HTTP_OK:
            return  # asked every few seconds for ever: nobody reads it
        method = call.method if call.method in _METHODS else "other"
        self._requests.note(template, method, call.status, duration_s)
        body = answer.body if answer is not None else b""
        caller = call.credential
        if template.endswith(SEND_PATH):
            self._sends.add(code_of(body), "none" if caller is None else caller.environment)
        if not _log.isEnabledFor(logging.INFO):
            return
        fields = {
            "request_id": call.request_id.decode(),
            "method": method,
            "route": template,
            "status": call.status,
            "code": code_of(body),
            "duration_ms": round(duration_s * 1000, 2),
            "account_id": None if caller is None else caller.account_id,
            "environment": None if caller is None else caller.environment,
            "credential_id": None if caller is None else caller.credential_id,
            "transaction_id": transaction_id_of(body),
            "is_replay": answer is not None and answer.is_replay,
            "address": call.address_text,
        }
        if b"traceparent" in call.headers and (trace_id := trace_id_of(call.trace)) is not None:
            fields["trace_id"] = trace_id
        _log.handle(_Line(fields))
