"""The operators' OpenAPI document: a document of its own, by the rules of the public one."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from gateway import operator_api
from gateway.http.routing import Route, Router
from gateway.openapi.document import OPERATORS, document
from gateway.openapi.operations import tag_of
from keys.act import ChangingAct
from tests.gateway.openapi.test_document_rules import described, nodes, shown
from tests.support.gateway import Gateway, running, settings_of
from tests.support.openapi_check import the_document

pytestmark = pytest.mark.one_database

OPERATOR_PATH = "/openapi/operator.json"
ROWS = [(one, route) for one in Router((operator_api.SURFACE,)) for route in one.routes.values()]


@cache
def operators() -> dict[str, Any]:
    made = document(Router((operator_api.SURFACE,)), "/", OPERATORS)
    return dict(json.loads(json.dumps(made)))


def operation_of(template: str, route: Route) -> dict[str, Any]:
    found: dict[str, Any] = operators()["paths"][template][route.method.lower()]
    return found


def test_the_document_is_valid_openapi() -> None:
    Draft202012Validator(OPENAPI_31).validate(operators())


def test_it_has_the_operators_routes_and_no_others() -> None:
    listed = {
        (method.upper(), template)
        for template, item in operators()["paths"].items()
        for method in item
    }

    assert listed == {(route.method, one.template) for one, route in ROWS}
    assert all(template.startswith("/api/operator/v1/") for _, template in listed)
    assert not [path for path in the_document()["paths"] if path.startswith("/api/operator")]
    assert operators()["webhooks"] == {}


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [operation_of(one.template, route)["operationId"] for one, route in ROWS]

    assert len({*names}) == len(names)


def test_each_operation_asks_for_one_of_the_operators_scopes() -> None:
    acts = {(getattr(act, "method", "GET"), act.path): act for act in operator_api.ACTS}
    for resource, route in ROWS:
        act = acts[route.method, route.path]
        scope = "operator:read"
        if isinstance(act, ChangingAct):
            scope = "operator:money" if act.moves_money else "operator:write"
        assert operation_of(resource.template, route)["security"] == [{"bearer": [scope]}]


def test_each_change_takes_an_idempotency_key() -> None:
    for resource, route in ROWS:
        parameters = operation_of(resource.template, route)["parameters"]
        names = [one.get("$ref", "").rpartition("/")[2] for one in parameters]
        assert ("Idempotency-Key" in names) is (route.method != "GET"), resource.template


def test_each_field_schema_and_parameter_says_what_it_is() -> None:
    schemas = operators()["components"]["schemas"]
    found = [name for name, schema in schemas.items() if not described(schema)]
    found += [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, inside in schema.get("properties", {}).items()
        if not described(inside)
    ]
    found += [
        f"{route.method} {resource.template} ?{parameter['name']}"
        for resource, route in ROWS
        for parameter in operation_of(resource.template, route)["parameters"]
        if "$ref" not in parameter and not described(parameter)
    ]

    assert not found, shown(found, "a docstring of the struct, a Meta(description=…) of the field")


def test_names_are_those_of_the_structs() -> None:
    schemas = operators()["components"]["schemas"]

    assert not [name for name in schemas if not name.isalnum() or not name[0].isupper()]


def test_every_reference_leads_somewhere() -> None:
    for ref in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(operators()))):
        node: Any = operators()
        for step in ref.removeprefix("#/").split("/"):
            node = node[step]


def test_whole_numbers_have_bounds_of_ours_and_no_answer_is_put_together_of_others() -> None:
    found = [
        place
        for place, node in nodes(operators())
        if (isinstance(node.get("minimum"), int) and node["minimum"] < -(2**53))
        or isinstance(node.get("allOf"), list)
    ]

    assert found == []


def test_every_group_has_a_short_name_and_a_sentence() -> None:
    for _, route in ROWS:
        name, about = tag_of(route)
        assert 0 < len(name) <= 40, name
        assert about.endswith("."), (name, about)


async def test_it_is_served_only_while_the_operators_api_is_on(
    gateway: Gateway, database_url: str, tmp_path: Path
) -> None:
    off = await gateway.client.get(OPERATOR_PATH)
    settings = settings_of(database_url, tmp_path, operator_api=["127.0.0.0/8"])
    async with running(settings) as other:
        on = await other.client.get(OPERATOR_PATH)
        public = await other.client.get("/openapi.json")

    assert off.status_code == 404
    assert on.json() == operators()
    assert public.json()["paths"].keys() >= the_document()["paths"].keys()
    assert not [path for path in public.json()["paths"] if path.startswith("/api/operator")]
