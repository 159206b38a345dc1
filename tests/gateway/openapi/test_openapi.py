"""The OpenAPI document: valid, whole, and true to the table that routes requests."""

import json
import re
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, ValidationError
from schemathesis.specs.openapi.definitions import OPENAPI_31

from gateway.answers.response_codes import CODES
from gateway.http.routing import Resource, Route, Router
from gateway.openapi.examples import EVENT_EXAMPLE, EXAMPLES
from gateway.openapi.operations import is_ours, operation_id, tag_of
from gateway.surfaces import SURFACES
from tests.support.gateway import API, Gateway
from tests.support.openapi_check import the_document
from webhooks.events.catalogue import event_schema
from webhooks.events.event import EVENT_TYPES

pytestmark = pytest.mark.one_database

ROWS = [(one, route) for one in Router(SURFACES) for route in one.routes.values()]
OURS = [(one, route) for one, route in ROWS if is_ours(one)]


def named(value: object) -> str | None:
    return f"{value.method} {value.path}" if isinstance(value, Route) else None


def test_the_document_is_valid_openapi() -> None:
    Draft202012Validator(OPENAPI_31).validate(the_document())


def test_every_route_is_there_and_nothing_else() -> None:
    listed = {
        (method.upper(), template)
        for template, item in the_document()["paths"].items()
        for method in item
    }

    assert listed == {(route.method, one.template) for one, route in ROWS}
    assert len({operation_id(route, one) for one, route in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("resource", "route"), OURS, ids=named)
def test_each_route_of_ours_says_what_it_answers(resource: Resource, route: Route) -> None:
    assert route.answers, f"{route.method} {resource.template} declares no answer"
    for outcome in route.answers:
        for code in outcome.codes:
            assert outcome.http_status in CODES[code].http_statuses


def test_every_reference_leads_somewhere() -> None:
    document = the_document()

    for ref in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))):
        node: Any = document
        for step in ref.removeprefix("#/").split("/"):
            node = node[step]


def test_every_group_has_a_short_name_and_a_sentence() -> None:
    for _, route in ROWS:
        name, about = tag_of(route)
        assert 0 < len(name) <= 40, name
        assert about.endswith("."), (name, about)


def test_every_code_stands_at_a_route_that_may_answer_with_it() -> None:
    # 4004 is the answer of no operation, and 4005 comes with payment providers.
    text = json.dumps(the_document()["paths"]) + json.dumps(the_document()["components"])
    found = {
        int(code)
        for listed in re.findall(r'"x-codes": \[([\d, ]+)\]', text)
        for code in listed.split(", ")
    }

    assert set(CODES) - found <= {4004, 4005}


@pytest.mark.parametrize(("method", "template"), EXAMPLES)
def test_each_example_fits_its_route(method: str, template: str) -> None:
    resource, _ = Router(SURFACES).find(template) or (None, None)
    assert resource is not None
    route, example = resource.route(method), EXAMPLES[method, template]

    if example.body is not None:
        route.body_shape.decode(json.dumps(example.body).encode(), None)


def test_each_body_that_needs_a_field_has_an_example() -> None:
    missing = [
        (route.method, one.template)
        for one, route in OURS
        if (route.method, one.template) not in EXAMPLES and needs_body(one.template, route)
    ]

    assert missing == []


def needs_body(template: str, route: Route) -> bool:
    operation = the_document()["paths"][template][route.method.lower()]
    return bool(operation.get("requestBody", {}).get("required"))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_webhook_is_described_as_its_own_schema_does(event_type: str) -> None:
    described = the_document()["webhooks"][event_type]["post"]["requestBody"]["content"]
    told = described["application/json"]
    schema = {"allOf": [told["schema"]], "components": the_document()["components"]}

    Draft202012Validator(schema).validate(told["example"])
    Draft202012Validator(event_schema(event_type)).validate(told["example"])
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({**told["example"], "data": {}})


def test_the_contracts_event_is_the_example() -> None:
    Draft202012Validator(event_schema("topup.delivered")).validate(EVENT_EXAMPLE)


async def test_it_is_served_once_and_then_known_by_its_tag(gateway: Gateway) -> None:
    first = await gateway.client.get("/openapi.json")
    again = await gateway.client.get(
        "/openapi.json", headers={"If-None-Match": first.headers["etag"]}
    )

    served, ours = first.json(), the_document()
    # Beside our own paths it has those of the payment providers.
    Draft202012Validator(OPENAPI_31).validate(served)
    # What is paid for, and how, is this installation's.
    paid = served["paths"]["/x402/topup"]["post"].pop("x-payment-info")
    assert paid["price"]["currency"] == "USD"
    assert ours["paths"].items() <= served["paths"].items()
    assert served["servers"] == [{"url": "/"}]
    assert (again.status_code, again.content) == (304, b"")
    assert f"{API}/topup/send" in first.json()["paths"]


async def test_a_name_is_as_long_as_the_document_says(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    components = the_document()["components"]["schemas"]

    for path, body in (("/keys", "NewKey"), ("/tokens", "CreateTokenBody")):
        described = Draft202012Validator(components[body]["properties"]["name"])
        for name, fits in (("a" * 100, True), ("a" * 101, False), ("", False), ("  ", False)):
            answer = await gateway.call("POST", path, key=key, json={"name": name})
            assert (described.is_valid(name), answer.status_code == 201) == (fits, fits), name
