"""Describe a route's responses: its own successes and errors, and the errors that any request can get."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from gateway.answers import response_codes as codes
from gateway.answers.envelope import Envelope
from gateway.answers.outcome import JSON, Outcome
from gateway.answers.response_codes import CODES
from gateway.http.routing import Route
from gateway.openapi.schemas import PLACE, Schema, Schemas
from kernel.refused import Refused
from kernel.words import TopUpStatus

ERROR: Final = "Error"
_USUAL: Final = (200, 201)
_STATUSES: Final = get_args(TopUpStatus)


def types() -> Iterable[Any]:
    return Envelope, Refused


def success(outcome: Outcome, schemas: Schemas) -> Schema:
    """Return a reference to the schema of a successful response.

    Routes that return the same data share one schema, which lists all their codes.
    """
    status = "" if outcome.http_status in _USUAL else outcome.http_status
    name = f"{schemas.name_of(outcome.data)}{status}Answer"
    listed = sorted({*outcome.codes, *_codes_of(schemas.components.get(name))})
    is_success = outcome.http_status < 400
    whole = _whole(schemas, listed, schemas.of(outcome.data), is_success=is_success)
    schemas.components[name] = whole
    return {"$ref": PLACE + name}


def _codes_of(schema: Schema | None) -> list[int]:
    if schema is None:
        return []
    code = schema["properties"]["code"]
    return list(code.get("enum", [code.get("const")]))


def error(schemas: Schemas) -> Schema:
    codes = [code for code, row in CODES.items() if row.http_statuses[-1] >= 400 or row.next_action]
    return schemas.add(ERROR, _whole(schemas, codes, schemas.of(Refused), is_success=False))


def _whole(schemas: Schemas, codes: list[int], data: Schema, *, is_success: bool) -> Schema:
    plain = schemas.body_of(Envelope)
    word = "ok" if is_success else "error"
    narrowed: Schema = {
        "success": {"type": "boolean", "const": is_success},
        "code": {"type": "integer", **_one_of(codes)},
        "status": {"type": "string", "enum": [word, *_STATUSES]},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": data,
    }
    fields = {
        name: {"description": schema["description"], **narrowed.get(name, schema)}
        for name, schema in plain["properties"].items()
    }
    about = _messages(codes) if is_success else "The format of every error, identified by its code."
    return {**plain, "description": about, "properties": fields}


def _one_of(codes: list[int]) -> Schema:
    """Return a schema of the codes. A single code becomes a constant, so that clients can distinguish responses
    with the same HTTP status.
    """
    return {"const": codes[0]} if len(codes) == 1 else {"enum": codes}


def _messages(codes: Iterable[int]) -> str:
    return " · ".join(f"{code} {CODES[code].message}" for code in codes)


Statuses = dict[int, set[int]]

_HEADER: Final = "#/components/headers/"
BYTES: Final = "application/octet-stream"
CODES_HERE: Final = "x-codes"


def refusals_of(route: Route, *, has_params: bool) -> Statuses:
    found: Statuses = {500: {codes.INTERNAL}, 503: {codes.INTERNAL}, 422: {codes.MALFORMED}}
    if not route.is_public:
        found[401] = {codes.INVALID_KEY, codes.KEY_ENDED}
        found[403] = {codes.MISSING_SCOPE, codes.ADDRESS_NOT_ALLOWED}
        found[429] = {codes.RATE_LIMITED}
    if has_params:
        found[404] = {codes.NOT_FOUND}
    if route.is_unsafe:
        found |= {status: {codes.MALFORMED} for status in (400, 413, 415)}
        if route.takes_key and not route.is_public:
            found[409] = {codes.DUPLICATE, codes.KEY_IN_PROGRESS}
    for code in route.refuses:
        for status in CODES[code].http_statuses:
            if status >= 400:
                found.setdefault(status, set()).add(code)
    return found


class Shared:
    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self.responses: dict[str, Any] = {}

    def refer(self, status: int, listed: Iterable[int], kind: Any | None) -> Mapping[str, Any]:
        codes_listed = sorted(listed)
        is_ours = kind is Refused
        vendor = [] if is_ours else [self._name_of(kind)]
        name = ".".join(map(str, (status, *codes_listed, *vendor)))
        if is_ours:
            schema = error(self._schemas)
        elif kind is None:
            schema = {}
        else:
            schema = self._schemas.of(kind)
        self.responses[name] = {
            "description": _described(codes_listed),
            "headers": _of_refusal(status, is_ours=is_ours),
            "content": _content([JSON], [schema]),
        } | ({CODES_HERE: codes_listed} if is_ours else {})
        return {"$ref": f"#/components/responses/{name}"}

    def _name_of(self, kind: Any | None) -> str:
        return "any" if kind is None else self._schemas.name_of(kind)


def enveloped(route: Route, refused: Statuses, schemas: Schemas, shared: Shared) -> dict[str, Any]:
    outcomes = _by_status(route)
    responses: dict[str, Any] = {}
    for status in sorted({*outcomes, *refused}):
        mine, listed = outcomes.get(status, []), refused.get(status, set())
        if not mine:
            responses[str(status)] = shared.refer(status, listed, Refused)
            continue
        choices = [success(outcome, schemas) for outcome in mine if outcome.data is not None]
        if listed:
            choices.append(error(schemas))
        described = listed.union(*(outcome.codes for outcome in mine))
        responses[str(status)] = {
            **_response(route, status, _described(described), mine, choices, is_ours=True),
            CODES_HERE: sorted(described),
        }
    return responses


def plain(
    route: Route, refused: Statuses, schemas: Schemas, shared: Shared, refusal: Any | None
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, mine in _by_status(route).items():
        choices = [schemas.of(one.data) for one in mine if one.data is not None]
        if status in refused and refusal is not None:
            choices.append(schemas.of(refusal))
        responses[str(status)] = _response(route, status, "The vendor's response.", mine, choices)
    if not responses:
        responses["2XX"] = {"description": "The vendor's response."}
    for status, listed in sorted(refused.items()):
        responses.setdefault(str(status), shared.refer(status, listed, refusal))
    return responses


def _by_status(route: Route) -> dict[int, list[Outcome]]:
    outcomes: dict[int, list[Outcome]] = {}
    for outcome in route.answers:
        outcomes.setdefault(outcome.http_status, []).append(outcome)
    return outcomes


def _response(
    route: Route,
    status: int,
    description: str,
    mine: list[Outcome],
    choices: list[Schema],
    *,
    is_ours: bool = False,
) -> dict[str, Any]:
    media = [kind for outcome in mine for kind in outcome.media_types]
    return {
        "description": description,
        "headers": _headers(route, status, is_ours=is_ours),
        "content": _content(media, choices),
    }


def _content(media: Iterable[str], choices: list[Schema]) -> dict[str, Any]:
    schema: Schema = {"anyOf": choices} if len(choices) > 1 else dict(*choices)
    made: dict[str, Any] = {}
    for kind in dict.fromkeys(media):
        made |= _one_content(kind, schema) if kind else {}
    return made


def _one_content(kind: str, schema: Schema) -> dict[str, Any]:
    if kind == JSON:
        return {kind: {"schema": schema}}
    if kind.startswith("text/"):
        return {kind: {"schema": {"type": "string"}}}
    # Also offer plain bytes, because some client generators can't handle PDF.
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {kind: binary, BYTES: binary}


def _described(listed: Iterable[int]) -> str:
    return " · ".join(f"{code} {CODES[code].message}" for code in sorted(listed))


def _headers(route: Route, status: int, *, is_ours: bool) -> Mapping[str, Any]:
    names = ["X-Request-Id"]
    if is_ours or not route.is_public:
        names += ["RateLimit", "RateLimit-Policy"]
    if route.is_unsafe and route.takes_key and status < 400:
        names.append("Idempotent-Replayed")
    return {name: {"$ref": _HEADER + name} for name in names}


def _of_refusal(status: int, *, is_ours: bool) -> Mapping[str, Any]:
    waits = status in {409, 429, 503}
    rates = ["RateLimit", "RateLimit-Policy"] if is_ours else []
    names = ["X-Request-Id", *rates, *(["Retry-After"] if waits else [])]
    return {name: {"$ref": _HEADER + name} for name in names}
