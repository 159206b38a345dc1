"""Help programs to correct a refused API request: list all its errors, show an example, and name the next call."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote

import msgspec

from billing.topups.platform import InvalidPlatform, Platforms
from billing.topups.send import AmountOutOfRange, check_amount, check_amount_of_any
from gateway.answers import response_codes as codes
from gateway.answers.links import RefusedFacts, with_links
from gateway.answers.refusals import Refusal
from gateway.http.errors import refusal_of
from gateway.http.fields import ERRORS_MAX
from gateway.http.rate_limit import add_unused
from gateway.http.refused_items import entry_of, smaller_cents
from gateway.http.request_context import RequestContext
from gateway.http.routing import Router
from gateway.openapi.examples import EXAMPLES
from gateway.surfaces import API, API_PREFIX
from kernel.problems import FieldEntry
from keys.normalise import InvalidEmail, normalise_email
from keys.principal import Principal
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


_ALIKE: Final = 0.7


@cache
def _router() -> Router:
    return Router((API,))


@cache
def _templates() -> Mapping[str, tuple[str, ...]]:
    return {
        resource.template.removeprefix(API_PREFIX): tuple(sorted(resource.routes))
        for resource in _router()
    }


def is_list(template: str) -> bool:
    return "GET" in _templates().get(template, ())


@lru_cache(maxsize=256)
def nearest(method: str, path: str) -> tuple[str, tuple[str, ...]] | None:
    # The path may lack a parameter that was sent elsewhere, as in /topup/status?transaction_id=…
    alike = [one for one in _templates() if one.rpartition("/{")[0] == path.rstrip("/")][:1]
    alike = alike or get_close_matches(path, _templates(), n=1, cutoff=_ALIKE)
    if not alike:
        last = path.rsplit("/", 1)[-1]
        alike = [one for one in _templates() if last and one.rsplit("/", 1)[-1] == last][:1]
    if not alike:
        return None
    methods = _templates()[alike[0]]
    return alike[0], (method,) if method in methods else methods


_SENDS: Final = frozenset({f"{API_PREFIX}/topup/send", f"{API_PREFIX}/topup/validate"})
_PATH_CHARACTERS_MAX: Final = 120
_UNREADABLE: Final = 400
_QUERY_BYTES_MAX: Final = 1024
_OF_THE_REQUEST: Final = frozenset(
    {
        codes.MALFORMED,
        codes.INVALID_PLATFORM,
        codes.INVALID_RECIPIENT,
        codes.AMOUNT_OUT_OF_RANGE,
        codes.URL_INVALID,
    }
)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class RefusedCall(NamedTuple):
    """The refused API call, which may be only part of the HTTP request."""

    method: str
    template: str
    body: Mapping[str, Any]


def repaired(
    call: RequestContext[Any, Any], refusal: Refusal, inner: RefusedCall | None = None
) -> Refusal:
    """Complete an error from our own API. `inner` is the refused call if it was only part of the request."""
    add_unused(call.context.settings.rate_limit_per_s, call.reply_headers)
    refusal = with_form_of(call, refusal)
    error = dict(refusal.error)
    if inner is None:
        inner = RefusedCall(call.method, call.template, _body(call))
    problems = list(_problems(call, refusal, inner))
    if problems:
        error["errors"] = problems[:ERRORS_MAX]
    address = call.home
    if error["doc_url"].startswith("/"):
        error["doc_url"] = address + error["doc_url"]
    if "links" in error:
        error["links"] = [{**link, "href": address + link["href"]} for link in error["links"]]
    caller = call.credential
    asked = RefusedFacts(
        home=address,
        url=address + quote(call.path[:_PATH_CHARACTERS_MAX]),
        api=address + API_PREFIX,
        code=refusal.code.code,
        method=inner.method,
        template=inner.template.removeprefix(API_PREFIX),
        path=call.path.removeprefix(API_PREFIX)[:_PATH_CHARACTERS_MAX],
        body=inner.body,
        query=_query(call),
        error=error,
        transaction_id=refusal.transaction_id,
        environment=None if caller is None else caller.environment,
        smaller_cents=smaller_cents(call, error, inner.body),
        key_id=None if caller is None else caller.key_id,
        has_person=_has_person(caller, refusal.code.code),
        is_open=call.context.settings.self_serve_staging,
        lists=is_list,
        nearest=nearest,
    )
    return replace(refusal, error=with_links(asked))


def _has_person(caller: Principal | None, code: int) -> bool:
    """Return whether someone can sign in to the account. If there is no caller, the error's code decides."""
    if caller is None:
        return code in {codes.INVALID_KEY, codes.KEY_ENDED}
    return not caller.is_sandbox


def _problems(
    call: RequestContext[Any, Any], refusal: Refusal, inner: RefusedCall
) -> Iterator[FieldEntry]:
    code, param = refusal.code.code, refusal.error.get("param")
    told: list[FieldEntry] = [
        {**problem, "code": problem.get("code", codes.MALFORMED)}
        for problem in refusal.error.get("errors", ())
    ]
    if not told and param is not None:
        told = [entry_of(refusal, inner.body)]
    if not told and refusal.http_status == _UNREADABLE:
        told = [{"param": "body", "detail": refusal.detail, "code": code}]
    if inner.template in _SENDS and code in _OF_THE_REQUEST:
        named = {problem["param"] for problem in told}
        platforms = call.context.topup_rules.platforms.of(call.principal.environment)
        told += [one for one in _faults(platforms, inner.body) if one["param"] not in named]
    example = EXAMPLES.get((inner.method, inner.template)) if code in _OF_THE_REQUEST else None
    right = {} if example is None or example.body is None else example.body
    examples = {**right, "body": right or None}
    for problem in told:
        shown = examples.get(problem["param"])
        is_known = not problem["detail"].startswith("unknown field")
        yield {"example": shown, **problem} if shown is not None and is_known else problem


def _faults(platforms: Platforms, body: Mapping[str, Any]) -> Iterator[FieldEntry]:
    """Check a send's platform, recipient and amount one by one, to report everything that is wrong."""
    platform, amount = body.get("platform"), body.get("amount_cents")
    email = body.get("recipient_email")
    found = None
    if isinstance(platform, str):
        try:
            found = platforms.find(platform)
        except InvalidPlatform as error:
            yield entry_of(refusal_of(error), body)
    if isinstance(email, str):
        try:
            normalise_email(email)
        except InvalidEmail as error:
            yield entry_of(refusal_of(error), body)
    if type(amount) is int:
        try:
            if found is None:
                check_amount_of_any(platforms, amount)
            else:
                check_amount(found, amount)
        except AmountOutOfRange as error:
            yield entry_of(refusal_of(error), body)


def _body(call: RequestContext[Any, Any]) -> Mapping[str, Any]:
    if not call.raw or len(call.raw) > 16_384:
        return {}
    try:
        return _decode(call.raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _query(call: RequestContext[Any, Any]) -> Mapping[str, str]:
    text = call.scope.get("query_string", b"")[:_QUERY_BYTES_MAX].decode("latin-1")
    return dict(parse_qsl(text))
