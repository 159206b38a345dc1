"""One route as an OpenAPI operation: its parameters, its body, who may call it, what it answers."""

import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.answers import envelope
from gateway.http.body import Media
from gateway.http.fields import Fields
from gateway.http.routing import PARAM_CHARACTERS_MAX, Resource, Route
from gateway.openapi.examples import EXAMPLES
from gateway.openapi.responses import Shared, enveloped, plain, refusals_of
from gateway.openapi.schemas import Schemas, without_null

# Where a rule comes from is said to those who change it, not to those who call.
_SOURCE: Final = re.compile(r" \(contract [\d.]+\)")
_PARAM: Final = re.compile(r"\{(\w+)\}")
_TAKEN: Final[Mapping[Media, tuple[str, ...]]] = {
    "json": ("application/json",),
    "form": ("application/x-www-form-urlencoded",),
    # The form first: it is what that vendor's own clients send.
    "json_or_form": ("application/x-www-form-urlencoded", "application/json"),
    "json_or_csv": ("application/json", "text/csv"),
    "json_or_events": (
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    ),
    "raw": ("application/octet-stream",),
}
# What a body of another form than our own JSON is; its specification says the rest.
_OTHER: Final[Mapping[str, str]] = {
    "text/csv": "string",
    "application/cloudevents+json": "object",
    "application/cloudevents-batch+json": "array",
}
IDEMPOTENCY_KEY: Final = {"$ref": "#/components/parameters/Idempotency-Key"}
BEARER: Final = "bearer"
SESSION: Final = "session"


def is_ours(resource: Resource) -> bool:
    """Whether its answers come in our envelope; a dialect's come in its vendor's."""
    return resource.surface.refuse is envelope.refuse


def tag_of(route: Route) -> tuple[str, str]:
    """The route's group and what it is about: the first sentence of the handler's module."""
    module = inspect.getmodule(route.handler)
    assert module is not None, f"{route.path}: a handler of no module"
    paragraph = " ".join((module.__doc__ or "").partition("\n\n")[0].split())
    sentence = _SOURCE.sub("", paragraph).partition(". ")[0]
    name, _, rest = sentence.removesuffix(".").partition(": ")
    return name, f"{rest[:1].upper()}{rest[1:]}." if rest else ""


def operation_id(route: Route, resource: Resource) -> str:
    """Unique, and stable as long as the path is."""
    path = resource.template
    # Dialects share words: only ours go without their prefix.
    words = re.findall(
        r"\w+", path.removeprefix(resource.surface.prefix) if is_ours(resource) else path
    )
    if not resource.surface.prefix:
        # At the root nothing but the dialect's file tells its paths from ours.
        words.insert(0, route.handler.__module__.rpartition(".")[2])
    named = "_".join(words).replace("-", "_").strip("_")
    return f"{route.method.lower()}_{named}"


def operation(resource: Resource, route: Route, schemas: Schemas, shared: Shared) -> dict[str, Any]:
    """The operation object."""
    params = _PARAM.findall(resource.template)
    refused = refusals_of(route, has_params=bool(params))
    if is_ours(resource):
        responses = enveloped(route, refused, schemas, shared)
    else:
        responses = plain(route, refused, schemas, shared, resource.surface.refusal)
    example = EXAMPLES.get((route.method, resource.template))
    if example is not None:
        _show_answer(responses, example.answer)
    made: dict[str, Any] = {
        "operationId": operation_id(route, resource),
        "tags": [tag_of(route)[0]],
        "summary": route.summary,
        "description": _description(route),
        "security": _security(route),
        "parameters": [*map(_path_param, params), *_query_params(route, schemas)],
        "responses": responses,
    }
    if route.is_unsafe and route.takes_key and not route.is_public:
        made["parameters"].append(IDEMPOTENCY_KEY)
    if route.is_unsafe:
        body = _request_body(route, schemas, None if example is None else example.body)
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
    """One alternative for each scope that will do."""
    if route.is_public:
        return []
    scheme = SESSION if route.session_only else BEARER
    return [{scheme: [scope]} for scope in route.scopes]


def _path_param(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": PARAM_CHARACTERS_MAX}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_params(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    if route.query is Fields:
        return []
    struct = schemas.body_of(route.query)
    required = struct.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": without_null(schema),
        }
        for name, schema in struct["properties"].items()
    ]


def _request_body(
    route: Route, schemas: Schemas, example: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    if route.media == "raw":
        return {"required": True, "content": {_TAKEN["raw"][0]: {}}}
    if not msgspec.structs.fields(route.body):
        return None
    shown = {} if example is None else {"example": example}
    content = {
        kind: {"schema": {"type": _OTHER[kind]}}
        if kind in _OTHER
        else {"schema": schemas.of(route.body), **shown}
        for kind in _TAKEN[route.media]
    }
    return {"required": bool(schemas.body_of(route.body).get("required")), "content": content}


def _show_answer(responses: dict[str, Any], answer: Mapping[str, Any] | None) -> None:
    """Puts the example beside the first success in JSON."""
    if answer is None:
        return
    first = min(status for status in responses if status.startswith("2"))
    responses[first]["content"]["application/json"]["example"] = answer
