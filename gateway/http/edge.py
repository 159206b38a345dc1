"""Handle each request from its headers to its log line, as the outermost layer.

Every failure becomes one response in the API's own format, so the process's one broad `except` is here.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.answers import envelope
from gateway.answers.answer import Answer
from gateway.answers.refusals import Refusal
from gateway.http.access_log import AccessLog, TracedAccessLog
from gateway.http.auth import PROBED, Hosts
from gateway.http.body import ClientGone
from gateway.http.connection.exchange import EXCHANGE, read_whole, write_whole
from gateway.http.documents import Documents
from gateway.http.errors import note_failure, refusal_of
from gateway.http.pipeline import Pipeline
from gateway.http.rate_limit import Strangers
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Router
from kernel.errors import InvalidInput, Unavailable
from kernel.fields import Fields
from kernel.trace import current_line
from runtime.context import Context

CLIENT_GONE = 499
_STOPPING = (
    "the gateway stops before this was answered; repeat the same request, a change under the same"
    " Idempotency-Key"
)
NO_CONTENT = 204
_START = "http.response.start"

_JSON = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_REPLAYED = (b"idempotent-replayed", b"true")
_PAGE = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        b" connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
        b" frame-ancestors 'none'"
    ),
}
_FRAMES = b"x-frame-options"
_POLICY = b"content-security-policy"
_NO_FRAME = b"frame-ancestors 'none'"
_HTTPS = (b"strict-transport-security", b"max-age=31536000")
Repaired = Callable[[RequestContext[Any, Any], Refusal], Refusal]
Challenges = Callable[[RequestContext[Any, Any], Refusal], list[tuple[bytes, bytes]]]


class Edge:
    def __init__(
        self,
        app: ASGIApp,
        *,
        context: Context,
        documents: Documents,
        router: Router,
        repaired: Repaired,
        challenges: Mapping[str, Challenges],
    ) -> None:
        self._app = app
        self._challenges = challenges
        self._repaired = repaired
        self._context = context
        self._documents = documents
        self._strangers = Strangers(context.settings.trusted_proxies)
        self._pipeline = Pipeline(context, router, self._strangers)
        tracing = context.tracing
        self._access_log = (
            AccessLog(context) if tracing is None else TracedAccessLog(context, tracing)
        )
        settings = context.settings
        self._hosts = Hosts(settings.public_url, settings.allowed_hosts)
        self._is_told = settings.public_url != ""
        secured = (_HTTPS,) if settings.public_url.startswith("https://") else ()
        self._page = _PAGE | dict(secured)
        self._embedded = {name: value for name, value in self._page.items() if name != _FRAMES}
        self._whole, self._bare = (*_JSON, *secured), secured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope.pop(EXCHANGE, None)
        call: RequestContext[Fields, Fields] = RequestContext(
            self._context, scope, read_whole(exchange)
        )
        call.receive = receive
        self._access_log.begin(call)
        current_line.set(call.trace)
        answer: Answer | None = None
        try:
            self._hosts.check(call.headers.get(b"host"), call.path)
            if not self._is_told:
                _check_forwarded(call)
            replying = self._pipeline.reply(call, receive)
            if replying is None:
                await self._show(call, receive, self._framed(call, send))
            elif isinstance(reply := await replying, Answer):
                answer = reply
            else:
                await reply(scope, receive, self._framed(call, send))
        except ClientGone:
            call.status = CLIENT_GONE
        except (Exception, asyncio.CancelledError) as error:
            answer = await self._answer_refused(call, error, receive, send)
        if answer is not None:
            body = _dress(call, answer)
            usual = self._whole if answer.body else self._bare
            if not write_whole(exchange, call.status, call.reply_headers, usual, body):
                headers = [*call.reply_headers, *usual]
                await send({"type": _START, "status": call.status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
        self._access_log.note(call, answer)

    async def _show(
        self, call: RequestContext[Fields, Fields], receive: Receive, send: Send
    ) -> None:
        found = self._documents.find(call.scope, call.headers)
        shown = partial(found or self._app, call.scope, receive, send)
        await self._strangers.serve(call, shown, is_free=found is not None)

    async def _answer_refused(
        self,
        call: RequestContext[Fields, Fields],
        error: BaseException,
        receive: Receive,
        send: Send,
    ) -> Answer | None:
        """Return the error response, or write the error page. Callers without a credential wait for their turn."""
        is_stranger = call.credential is None and isinstance(error, Exception)
        reply = self._refused(call, error)
        if isinstance(reply, Answer):
            if is_stranger:
                with contextlib.suppress(asyncio.CancelledError):
                    await self._strangers.turn(call)
            return reply
        if reply is not None:
            shown = partial(reply, call.scope, receive, self._framed(call, send))
            await (self._strangers.serve(call, shown, is_free=True) if is_stranger else shown())
        return None

    def _refused(self, call: RequestContext[Fields, Fields], error: BaseException) -> Reply | None:
        if not isinstance(error, Exception):
            error = Unavailable(_STOPPING, retry_after_s=1)
        note_failure(call, error)
        if call.status:
            return None
        refusal = refusal_of(error)
        challenges = self._challenges.get(call.path)
        call.reply_headers += refusal.headers if challenges is None else challenges(call, refusal)
        if call.refuse is envelope.refuse or challenges is not None:
            refusal = self._repaired(call, refusal)
        return call.refuse(refusal, call.now_us)

    def _framed(self, call: RequestContext[Fields, Fields], send: Send) -> Send:
        async def framed(message: Message) -> None:
            if message["type"] == _START:
                call.status = message["status"]
                headers = list(message.get("headers", ()))
                present = {name.lower(): value for name, value in headers}
                usual = (
                    self._page if _NO_FRAME in present.get(_POLICY, _NO_FRAME) else self._embedded
                )
                headers += call.reply_headers
                headers += [pair for pair in usual.items() if pair[0] not in present]
                message = {**message, "headers": headers}
            await send(message)

        return framed


def _check_forwarded(call: RequestContext[Fields, Fields]) -> None:
    """Raise InvalidInput if a proxy forwarded an https request but PUBLIC_URL isn't set. Session cookies would then
    lack the Secure attribute.
    """
    proto = call.headers.get(b"x-forwarded-proto")
    if proto is not None and proto.lower() == b"https" and call.path not in PROBED:
        raise InvalidInput(
            "A proxy forwarded this request over https. Set TOPUP_PUBLIC_URL to the "
            "address that clients see.",
            param="X-Forwarded-Proto",
        )


def _dress(call: RequestContext[Fields, Fields], answer: Answer) -> bytes:
    body = answer.body
    headers = call.reply_headers
    if body:
        headers.append((b"content-length", b"%d" % len(body)))
    elif answer.status != NO_CONTENT:
        headers.append((b"content-length", b"0"))
    if answer.is_replay:
        headers.append(_REPLAYED)
    call.status = answer.status
    return b"" if call.method == "HEAD" else body
