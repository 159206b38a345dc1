"""Define the envelope of every response under /api/public/v1. The order of its seven fields is fixed,
because the request log parses the bytes.
"""

from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from gateway.answers.answer import Answer
from gateway.answers.refusals import Refusal
from gateway.answers.response_codes import CODES
from kernel.clock import SECOND_US, rfc3339

_encode = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The envelope of a response. `data` may be JSON bytes that are already rendered (Raw)."""

    success: Annotated[bool, Meta(description="Whether the HTTP status is 2xx.")]
    code: Annotated[int, Meta(description="The result's code; see GET /codes.")]
    message: Annotated[str, Meta(description="The code's meaning in words.")]
    transaction_id: Annotated[
        str | None, Meta(description="The top-up's ID. Null if the call concerns no single top-up.")
    ]
    status: Annotated[str, Meta(description="The top-up's status, or else ok or error.")]
    timestamp: Annotated[str, Meta(description="The time of the response (RFC 3339, UTC).")]
    data: Annotated[Any, Meta(description="The result, or data.error.")]


def answer(
    code: int,
    data: Any,
    *,
    now_us: int,
    http_status: int | None = None,
    status: str | None = None,
    transaction_id: str | None = None,
    message: str | None = None,
    voucher_of: str | None = None,
    voucher_code: str | None = None,
    claim_url: str | None = None,
) -> Answer:
    """Render a response. `voucher_of` is the top-up whose voucher_code and claim_url are in `data`."""
    row = CODES[code]
    if http_status is None:
        http_status = row.http_statuses[0]
    is_success = http_status < 400
    if status is None:
        status = "ok" if is_success else "error"
    timestamp = _timestamp(now_us // SECOND_US)
    envelope = Envelope(
        is_success, code, message or row.message, transaction_id, status, timestamp, data
    )
    return Answer(
        http_status,
        _encode(envelope),
        voucher_of=voucher_of,
        voucher_code=voucher_code,
        claim_url=claim_url,
    )


def refuse(refusal: Refusal, now_us: int) -> Answer:
    return answer(
        refusal.code.code,
        {"error": refusal.error},
        now_us=now_us,
        http_status=refusal.http_status,
        status=refusal.status,
        transaction_id=refusal.transaction_id,
        message=refusal.message,
    )


def response(refusal: Refusal, now_us: int) -> Response:
    refused = refuse(refusal, now_us)
    headers = {"cache-control": "no-store"}
    made = Response(refused.body, refused.status, headers, media_type="application/json")
    made.raw_headers += refusal.headers
    return made


def code_of(body: bytes) -> int:
    start = body.find(b'"code":', 0, 32) + 7
    digits = body[start : start + 4]
    return int(digits) if start > 6 and digits.isdigit() else 0


def transaction_id_of(body: bytes) -> str | None:
    start = body.find(b'"transaction_id":"', 0, 160) + 18
    if start < 18:
        return None
    return body[start : body.index(b'"', start)].decode()


def status_of(body: bytes) -> str:
    start = body.find(b'"status":"', 0, 320) + 10
    return "" if start < 10 else body[start : body.index(b'"', start)].decode()


@lru_cache(maxsize=2)
def _timestamp(at_s: int) -> str:
    return rfc3339(at_s * SECOND_US)
