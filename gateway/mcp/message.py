"""Parse the JSON-RPC message of a request to /mcp. The error for an invalid message says how to fix it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from gateway.answers.answer import Answer

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
INVALID_PARAMS: Final = -32602
UNSUPPORTED_VERSION: Final = -32022
X402: Final = "x402/payment"
CREDENTIAL: Final = "org.paymentauth/credential"
PAYMENTS: Final = frozenset({X402, CREDENTIAL})
_JSON: Final = b"application/json"
_READABLE: Final = frozenset({b"application/json", b"application/*", b"*/*"})
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Message(NamedTuple):
    id: str | int | None
    method: str
    tool: str | None


class PaymentMeta(NamedTuple):
    """What a response says about payment. `required` is x402's PaymentRequired, or empty. `meta` is added to
    the result's `_meta`.
    """

    required: Mapping[str, Any]
    meta: Mapping[str, Any]


def read(raw: bytes, headers: Mapping[bytes, bytes], versions: tuple[str, ...]) -> Message | Answer:
    refused = _of_headers(headers)
    if refused is not None:
        return refused
    try:
        value = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return refusal(400, None, PARSE_ERROR, f"Parse error: the body is not JSON: {error}")
    refused = _of_envelope(value)
    if refused is not None:
        return refused
    id_ = value.get("id")
    asked = headers.get(b"mcp-protocol-version", b"").strip().decode("latin-1")
    if asked and asked not in versions:
        data = {"supported": list(versions), "requested": asked[:64]}
        return refusal(400, id_, UNSUPPORTED_VERSION, "Unsupported protocol version", data)
    method, params = value.get("method", ""), value.get("params")
    name = params.get("name") if method == "tools/call" and isinstance(params, dict) else None
    return Message(id_, method, name if isinstance(name, str) else None)


def refusal(
    http_status: int, id_: str | int | None, code: int, message: str, data: Any = None
) -> Answer:
    error = {"code": code, "message": message, **({} if data is None else {"data": data})}
    return Answer(http_status, _encode({"jsonrpc": "2.0", "id": id_, "error": error}))


def _of_headers(headers: Mapping[bytes, bytes]) -> Answer | None:
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != _JSON:
        words = "Invalid request: send Content-Type: application/json"
        return refusal(415, None, INVALID_REQUEST, words)
    listed = headers.get(b"accept", b"").lower().split(b",")
    if _READABLE.isdisjoint(one.partition(b";")[0].strip() for one in listed):
        words = "Invalid request: send Accept: application/json, text/event-stream"
        return refusal(406, None, INVALID_REQUEST, words)
    return None


def _of_envelope(value: Any) -> Answer | None:
    if isinstance(value, list):
        words = "Invalid request: one message a request; batches are not taken"
        return refusal(400, None, INVALID_REQUEST, words)
    if not isinstance(value, dict):
        return refusal(400, None, INVALID_REQUEST, "Invalid request: the body is no JSON object")
    id_ = value.get("id")
    if "id" in value and (isinstance(id_, bool) or not isinstance(id_, str | int)):
        return refusal(400, None, INVALID_REQUEST, "Invalid request: id is a string or an integer")
    if value.get("jsonrpc") != "2.0":
        return refusal(400, id_, INVALID_REQUEST, 'Invalid request: jsonrpc is "2.0"')
    is_response = "result" in value or "error" in value
    if not is_response and not isinstance(value.get("method"), str):
        return refusal(400, id_, INVALID_REQUEST, "Invalid request: method is a string")
    return None
