"""Say what is wrong with a credential that was refused with 2001, as far as its form shows."""

from dataclasses import replace
from typing import Any, Final

from gateway.answers import response_codes as codes
from gateway.answers.refusals import Refusal
from gateway.http.request_context import RequestContext
from keys.token_format import is_mistyped, parse

_ELSEWHERE: Final = (b"x-api-key", b"api-key", b"x-auth-token")
_SENTENCES: Final = {
    "missing": "send the API key as Authorization: Bearer ak_…",
    "header": "the key came in another header; send it as Authorization: Bearer ak_…",
    "scheme": "the Authorization header is not of the form Bearer ak_…",
    "form": "a key begins with ak_staging_ or ak_live_, and has 32 letters and digits after it",
    "checksum": "the last six characters do not fit the others: the key is mistyped or cut off",
    "unknown": "the credential is not known here",
}
_MISPLACED: Final = frozenset({"header", "scheme"})
_RIGHT: Final = "Bearer ak_staging_…"
_REPAIRABLE: Final = frozenset({"missing", "header", "scheme", "form", "checksum"})


def with_form_of(call: RequestContext[Any, Any], refusal: Refusal) -> Refusal:
    if refusal.code.code != codes.INVALID_KEY or "reason" in refusal.error:
        return refusal
    reason = _reason(call)
    if reason is None:
        return refusal
    detail = _SENTENCES[reason]
    error = {**refusal.error, "detail": detail, "reason": reason}
    if reason in _MISPLACED:
        entry = {"param": "Authorization", "detail": detail, "code": codes.INVALID_KEY}
        error["errors"] = [{**entry, "example": _RIGHT}]
    if reason in _REPAIRABLE:
        error["next_action"] = "fix_request"
    return replace(refusal, detail=detail, error=error)


def _reason(call: RequestContext[Any, Any]) -> str | None:
    header = call.headers.get(b"authorization")
    if header is None:
        if b"cookie" in call.headers:
            return None
        return "header" if any(name in call.headers for name in _ELSEWHERE) else "missing"
    if header[:7].lower() != b"bearer ":
        return "scheme"
    token = header[7:].strip().decode("latin-1")
    if parse(token) is not None:
        return None if call.credential is not None else "unknown"
    return "checksum" if is_mistyped(token) else "form"
