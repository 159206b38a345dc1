"""Offer the guarded transport as an httpx transport, with the same checks, deadline and limits as webhooks.

A response is either complete or an error. Compressed responses are refused.
"""

import httpx

from kernel.errors import InvalidInput
from webhooks.http.guard import RESERVED_HEADERS
from webhooks.http.transport import BODY_BYTES_READ_MAX, SendResult, Transport

TIMEOUT_S_DEFAULT = 10.0
_REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE", "OPTIONS"})
_METHODS = _REPEATABLE_METHODS | {"POST", "PATCH"}


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport. Pass it to httpx.AsyncClient(transport=..., trust_env=False, follow_redirects=False).

    The client's read timeout limits the whole request. The caller closes the inner Transport. Error messages
    contain no addresses.
    """

    def __init__(self, transport: Transport, *, body_bytes_max: int = BODY_BYTES_READ_MAX) -> None:
        self._transport = transport
        self._body_bytes_max = body_bytes_max

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method not in _METHODS:
            raise httpx.UnsupportedProtocol(f"{request.method} is not spoken", request=request)
        body = await request.aread()
        has_key = "Idempotency-Key" in request.headers
        timeout_s = request.extensions.get("timeout", {}).get("read") or TIMEOUT_S_DEFAULT
        try:
            outcome = await self._transport.request(
                request.method,
                str(request.url),
                [
                    pair
                    for pair in request.headers.items()
                    if pair[0].lower() not in RESERVED_HEADERS
                ],
                body,
                timeout_s,
                body_bytes_max=self._body_bytes_max,
                body_bytes_kept_max=self._body_bytes_max,
                may_repeat=has_key or request.method in _REPEATABLE_METHODS,
            )
        except InvalidInput as error:
            raise httpx.LocalProtocolError(error.detail, request=request) from error
        return _response(outcome, request)


def _response(outcome: SendResult, request: httpx.Request) -> httpx.Response:
    if outcome.error == "timeout":
        raise httpx.ReadTimeout("the deadline passed", request=request)
    if outcome.error in {"connect", "tls", "address"}:
        raise httpx.ConnectError(f"no connection ({outcome.error})", request=request)
    if outcome.error == "protocol" or outcome.status is None:
        raise httpx.RemoteProtocolError("not a whole HTTP/1.1 response", request=request)
    if outcome.is_cut:
        raise httpx.RemoteProtocolError("the response is too large", request=request)
    if outcome.response_headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx.RemoteProtocolError("the response is compressed unasked", request=request)
    return httpx.Response(
        outcome.status,
        headers=outcome.response_headers,
        content=outcome.response_body,
        request=request,
    )
