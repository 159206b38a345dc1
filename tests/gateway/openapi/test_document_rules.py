"""What generators of clients need of the document, rule by rule. Who adds a route or a field reads here what is missing.

Each rule lists what breaks it, with the place and what to do about it.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.openapi.operations import is_ours
from tests.gateway.answers.answer_examples import FILE, examples, written
from tests.gateway.openapi.test_openapi import ROWS
from tests.support.openapi_check import response_of, the_document, validator

pytestmark = pytest.mark.one_database
JSON = "application/json"


def shown(findings: list[str], what: str) -> str:
    return f"{what}:\n  " + "\n  ".join(findings)


def schemas() -> dict[str, Any]:
    return dict(the_document()["components"]["schemas"])


def nodes(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, schema) of every object in the document, but for examples."""
    if isinstance(node, dict):
        yield place, node
        for name, value in node.items():
            if name not in {"example", "examples"}:
                yield from nodes(value, f"{place}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from nodes(value, f"{place}/{number}")


def successes() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(method, path, status, response) of every success that answers in JSON."""
    for resource, route in ROWS:
        operation = the_document()["paths"][resource.template][route.method.lower()]
        for status in operation["responses"]:
            response = response_of(route.method, resource.template, status)
            if status.startswith("2") and JSON in response.get("content", {}):
                yield route.method, resource.template, status, response


def test_each_field_says_what_it_is() -> None:
    found = [
        f"{name}.{field}"
        for name, schema in schemas().items()
        for field, inside in schema.get("properties", {}).items()
        if not inside.get("description", "").strip()
    ]

    what = "a Meta(description=…) beside the field, or a line of gateway/openapi/field_words.py"
    assert not found, shown(found, what)


def test_each_schema_and_parameter_says_what_it_is() -> None:
    found = [name for name, schema in schemas().items() if not described(schema)]
    found += [
        f"{route.method} {resource.template} ?{parameter['name']}"
        for resource, route in ROWS
        for parameter in the_document()["paths"][resource.template][route.method.lower()][
            "parameters"
        ]
        if "$ref" not in parameter and not parameter.get("description")
    ]

    assert not found, shown(
        found, "a docstring of the struct, a Meta(description=…) of the query's field"
    )


def described(schema: dict[str, Any]) -> bool:
    return bool(schema.get("description", "").strip())


def test_each_success_in_json_has_an_example() -> None:
    found = [
        f"{method} {path} {status}"
        for method, path, status, response in successes()
        if "example" not in response["content"][JSON]
    ]

    what = "a walk in tests/gateway/answers (then TOPUP_RECORD=1), or gateway/openapi/written_answers.json"
    assert not found, shown(found, what)


def test_each_example_is_what_its_schema_says() -> None:
    for method, path, status, response in successes():
        example = response["content"][JSON]["example"]
        validator(method, path, status, JSON).validate(example)


def test_no_default_is_null_and_none_of_a_body_is_there_at_all() -> None:
    found = [
        place
        for place, node in nodes(the_document())
        if "default" in node and not place.endswith(("/responses", "/properties"))
        if node["default"] is None or place.startswith("/components/schemas/")
    ]

    assert not found, shown(
        found, "a generator takes a field with a default for one that is always there"
    )


def test_whole_numbers_are_not_negative_unless_they_say_so() -> None:
    found = [
        place
        for place, node in nodes(the_document())
        if isinstance(node.get("minimum"), int | float) and node["minimum"] < -(2**53)
    ]

    assert not found, shown(
        found, "the machine's own bounds say nothing: within(least, most) of gateway/http/fields.py"
    )


def test_no_answer_is_put_together_of_others() -> None:
    found = [place for place, node in nodes(the_document()) if isinstance(node.get("allOf"), list)]

    assert not found, shown(found, "one concrete schema for each answer")


def test_names_are_those_of_the_structs() -> None:
    found = [name for name in schemas() if not name.isalnum() or not name[0].isupper()]

    assert not found, shown(found, "names are letters and digits; see gateway/openapi/schemas.py")


def test_errors_of_our_own_are_one_schema() -> None:
    found = [
        f"{route.method} {resource.template} {status}"
        for resource, route in ROWS
        if is_ours(resource)
        for status in the_document()["paths"][resource.template][route.method.lower()]["responses"]
        if status.startswith(("4", "5"))
        and not names_the_error(route.method, resource.template, status)
    ]

    assert not found, shown(found, "an error is the schema Error")


def names_the_error(method: str, template: str, status: str) -> bool:
    schema = response_of(method, template, status)["content"][JSON]["schema"]
    return '"#/components/schemas/Error"' in json.dumps(schema)


def test_each_operation_says_who_may_call_it() -> None:
    found = [
        place
        for kind in ("paths", "webhooks")
        for place, item in the_document()[kind].items()
        for operation in item.values()
        if "security" not in operation
    ]

    assert not found, shown(found, "security: [] where no credential is looked at")


def test_the_examples_are_the_recorded_answers() -> None:
    assert FILE.read_text(encoding="utf-8") == written(examples()), (
        "TOPUP_RECORD=1 pytest tests/gateway/answers writes gateway/openapi/answers.json anew"
    )
