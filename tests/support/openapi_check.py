"""Holds real answers against the OpenAPI document, without room for a field that it does not name.

Every call that a test makes through tests/support/gateway.py passes here, so the whole suite is the
proof that the document and the gateway say the same.
"""

import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator

from gateway.http.routing import MethodNotAllowed, Router
from gateway.openapi.document import document
from gateway.surfaces import SURFACES
from kernel.errors import NotFound

# A refusal's cause adds facts of its own, and a platform's name is the operator's.
OPEN = {"Failure"}
_REFERENCE = re.compile(r'"#/components/schemas/([^"/]+)"')


@cache
def the_document() -> dict[str, Any]:
    # Through its bytes, as everybody else gets it.
    return dict(json.loads(json.dumps(document(Router(SURFACES), "/"))))


@cache
def closed_components() -> dict[str, Any]:
    schemas = the_document()["components"]["schemas"]
    return {
        name: schema if name in OPEN else without_room(schema) for name, schema in schemas.items()
    }


@cache
def the_router() -> Router:
    return Router(SURFACES)


@cache
def named_in(component: str) -> frozenset[str]:
    """The components that this one names, and those that they name in turn."""
    found: set[str] = set()
    wanted = [component]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += _references(closed_components()[name])
    return frozenset(found)


def _references(schema: Any) -> list[str]:
    return _REFERENCE.findall(json.dumps(schema))


def without_room(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "additionalProperties": False} if "properties" in schema else schema


@cache
def response_of(method: str, template: str, status: str) -> dict[str, Any]:
    responses = the_document()["paths"][template][method.lower()]["responses"]
    assert status in responses, f"{method} {template}: {status} is not documented"
    response: dict[str, Any] = responses[status]
    if "$ref" in response:
        response = the_document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return response


@cache
def validator(method: str, template: str, status: str, media_type: str) -> Draft202012Validator:
    content = response_of(method, template, status)["content"]
    assert media_type in content, f"{method} {template}: {status} has no {media_type}"
    schema = content[media_type]["schema"]
    # All of the components would be compiled with it, for each answer of each route.
    needed = frozenset[str]().union(*map(named_in, _references(schema)))
    components = {name: closed_components()[name] for name in sorted(needed)}
    return Draft202012Validator(
        {"allOf": [schema], "components": {"schemas": components}},
        validate_formats=True,
    )


def check(answer: httpx.Response) -> None:
    """Raises where the answer is not as the document says; what it does not cover passes."""
    method, path = answer.request.method, answer.request.url.path
    if method in {"HEAD", "OPTIONS"}:
        return
    try:
        found = the_router().find(path)
        route = None if found is None else found[0].route(method)
    except (NotFound, MethodNotAllowed):
        return
    if found is None or route is None:
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    known = validator(method, found[0].template, str(answer.status_code), media_type)
    if media_type == "application/json":
        value = answer.json()
        known.validate(value)
        check_code(method, found[0].template, answer.status_code, value)


def check_code(method: str, template: str, status: int, value: Any) -> None:
    """The error schema has every code; which of them come with a response stands beside it."""
    listed = response_of(method, template, str(status)).get("x-codes")
    assert listed is None or value["code"] in listed, (method, template, status, value["code"])
