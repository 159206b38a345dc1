"""The small document for agents: short, whole in itself, and in what it says the same as the large one."""

from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from gateway.openapi.serve import CALLS
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.one_database
BYTES_MAX = 60_000


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for one in value for name in _references(one)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {name for one in value.values() for name in _references(one)}


async def test_an_agents_document_is_short_and_refers_to_nothing_outside(gateway: Gateway) -> None:
    answer = await gateway.client.get("/openapi/agent.json")
    small = answer.json()

    assert answer.headers["content-type"] == "application/json"
    assert len(answer.content) <= BYTES_MAX
    for reference in _references(small):
        place: Any = small
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


async def test_what_an_agent_asks_is_told_as_in_the_whole_document(gateway: Gateway) -> None:
    small = (await gateway.client.get("/openapi/agent.json")).json()
    whole = (await gateway.client.get("/openapi.json")).json()

    assert {(method, path) for path, one in small["paths"].items() for method in one} == {
        (method, API + path) for method, path in CALLS
    }
    for method, path in CALLS:
        told, meant = small["paths"][API + path][method], whole["paths"][API + path][method]
        for name in ("operationId", "summary", "description", "security", "parameters"):
            assert told.get(name) == meant.get(name)
    body = small["components"]["schemas"]["SendBody"]
    meant = whole["components"]["schemas"]["SendBody"]
    assert body["properties"].keys() == meant["properties"].keys()
    assert body["required"] == meant["required"]
    assert body["properties"]["amount_cents"] == meant["properties"]["amount_cents"]


async def test_each_example_of_an_answer_is_as_the_small_document_says(gateway: Gateway) -> None:
    small = (await gateway.client.get("/openapi/agent.json")).json()
    whole = (await gateway.client.get("/openapi.json")).json()
    components = {"schemas": small["components"]["schemas"]}

    tried = 0
    for method, path in CALLS:
        told, meant = (one["paths"][API + path][method]["responses"] for one in (small, whole))
        for status, response in told.items():
            content = response.get("content", {}).get("application/json")
            example = meant.get(status, {}).get("content", {}).get("application/json", {})
            if content is not None and "example" in example:
                schema = {"allOf": [content["schema"]], "components": components}
                Draft202012Validator(schema).validate(example["example"])
                tried += 1

    assert tried >= len(CALLS)


async def test_the_small_document_is_valid_openapi(gateway: Gateway) -> None:
    small = (await gateway.client.get("/openapi/agent.json")).json()

    Draft202012Validator(OPENAPI_31).validate(small)


async def test_a_program_that_has_the_address_alone_finds_it(gateway: Gateway) -> None:
    text = (await gateway.client.get("/llms.txt")).text

    assert f"{gateway.url}/openapi/agent.json" in text
