"""Describe one route as an OpenAPI operation."""

import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from billing.usage.usage import RECORDS_MAX
from gateway.answers import envelope
from gateway.http.body import Media
from gateway.http.routing import Resource, Route
from gateway.openapi.examples import EXAMPLES, Example, answer_of
from gateway.openapi.field_words import in_path
from gateway.openapi.responses import Shared, enveloped, plain, refusals_of
from gateway.openapi.schemas import PLACE, Schema, Schemas, without_null
from kernel.fields import Fields

_SOURCE: Final = re.compile(r" \(contract [\d.]+\)")
_PARAM: Final = re.compile(r"\{(\w+)\}")
_TAKEN: Final[Mapping[Media, tuple[str, ...]]] = {
    "json": ("application/json",),
    "form": ("application/x-www-form-urlencoded",),
    # Clients of the vendor's own API send forms.
    "json_or_form": ("application/x-www-form-urlencoded", "application/json"),
    "json_or_csv": ("application/json",),
    "json_or_events": (
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    ),
    "raw": ("application/octet-stream",),
}
_WORD: Final = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
_EVENT: Final = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _WORD,
        "source": _WORD,
        "type": _WORD,
        "data": {"$ref": PLACE + "UsageRecordBody"},
    },
}
_OTHER: Final[Mapping[str, dict[str, Any]]] = {
    "application/cloudevents+json": _EVENT,
    "application/cloudevents-batch+json": {
        "type": "array",
        "minItems": 1,
        "maxItems": RECORDS_MAX,
        "items": _EVENT,
    },
}
_CSV: Final = "JSON; or, with `Content-Type: text/csv`, a line for each item below a line of names."
IDEMPOTENCY_KEY: Final = {"$ref": "#/components/parameters/Idempotency-Key"}
BEARER: Final = "bearer"
SESSION: Final = "session"


def is_ours(resource: Resource) -> bool:
    return resource.surface.refuse is envelope.refuse


def tag_of(route: Route) -> tuple[str, str]:
    module = inspect.getmodule(route.handler)
    assert module is not None, f"{route.path}: a handler of no module"
    paragraph = " ".join((module.__doc__ or "").partition("\n\n")[0].split())
    sentence = _SOURCE.sub("", paragraph).partition(". ")[0]
    name, _, rest = sentence.removesuffix(".").partition(": ")
    return name, f"{rest[:1].upper()}{rest[1:]}." if rest else ""


def operation_id(route: Route, resource: Resource) -> str:
    """Return an ID that is unique and stays the same as long as the path does."""
    path = resource.template
    # Vendor API paths share words with ours, so their IDs include the prefix.
    words = re.findall(
        r"\w+", path.removeprefix(resource.surface.prefix) if is_ours(resource) else path
    )
    if not resource.surface.prefix:
        words.insert(0, route.handler.__module__.rpartition(".")[2])
    named = "_".join(words).replace("-", "_").strip("_")
    return f"{route.method.lower()}_{named}"


def operation(resource: Resource, route: Route, schemas: Schemas, shared: Shared) -> dict[str, Any]:
    params = _PARAM.findall(resource.template)
    refused = refusals_of(route, has_params=bool(params))
    if is_ours(resource):
        responses = enveloped(route, refused, schemas, shared)
    else:
        responses = plain(route, refused, schemas, shared, resource.surface.refusal)
    example = EXAMPLES.get((route.method, resource.template), Example())
    _show_answers(responses, route.method, resource.template)
    made: dict[str, Any] = {
        "operationId": operation_id(route, resource),
        "tags": [tag_of(route)[0]],
        "summary": route.summary,
        "description": _description(route),
        "security": _security(route),
        "parameters": [*map(in_path, params), *_query_params(route, schemas, example)],
        "responses": responses,
    }
    if route.is_unsafe and route.takes_key and not route.is_public:
        made["parameters"].append(IDEMPOTENCY_KEY)
    if route.is_unsafe:
        body = _request_body(route, schemas, example.body)
        made |= {"requestBody": body} if body else {}
    return made


def _description(route: Route) -> str:
    sentences = [route.description] if route.description else []
    if route.scopes:
        sentences.append(f"Scope: {' or '.join(f'`{scope}`' for scope in route.scopes)}.")
    elif route.is_public:
        sentences.append("No credential.")
    return " ".join(sentences)


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.is_public:
        return []
    scheme = SESSION if route.session_only else BEARER
    return [{scheme: [scope]} for scope in route.scopes]


def _query_params(route: Route, schemas: Schemas, example: Example) -> list[dict[str, Any]]:
    if route.query is Fields:
        return []
    struct, shown = schemas.parameters_of(route.query), example.query or {}
    required = struct.get("required", ())
    return [
        _query_param(name, without_null(one), is_required=name in required)
        | ({"example": shown[name]} if name in shown else {})
        for name, one in struct["properties"].items()
    ]


def _query_param(name: str, schema: Schema, *, is_required: bool) -> dict[str, Any]:
    told = {"description": schema["description"]} if "description" in schema else {}
    return {"name": name, "in": "query", "required": is_required, **told, "schema": schema}


def _request_body(
    route: Route, schemas: Schemas, example: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    if route.media == "raw":
        return {"required": True, "content": {_TAKEN["raw"][0]: {}}}
    if not msgspec.structs.fields(route.body):
        return None
    shown = {} if example is None else {"example": example}
    content = {
        kind: {"schema": _OTHER[kind]}
        if kind in _OTHER
        else {"schema": schemas.of(route.body), **shown}
        for kind in _TAKEN[route.media]
    }
    told = {"description": _CSV} if route.media == "json_or_csv" else {}
    is_needed = bool(schemas.body_of(route.body).get("required")) or route.decode is not None
    return {**told, "required": is_needed, "content": content}


def _show_answers(responses: dict[str, Any], method: str, template: str) -> None:
    for status in sorted(status for status in responses if status.startswith("2")):
        content = responses[status].get("content", {}).get("application/json")
        shown = answer_of(method, template, status)
        if content is not None and shown is not None:
            content["example"] = shown
