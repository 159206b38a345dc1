"""Link operations to the calls that show what a response names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.answers import response_codes as codes
from gateway.openapi.responses import CODES_HERE
from gateway.openapi.schemas import PLACE, Schema

_TOP_UP: Final = "transaction_id"
# A response with one of these is about a top-up.
_OF_TOP_UPS: Final = {codes.DELIVERED, codes.PENDING, codes.APPROVAL_REQUIRED, codes.REVERSED}
_PREFIX: Final = re.compile(r"\^([a-z]+)_")
_SHOWS: Final = re.compile(r".*/\{(\w+)\}")
# Which path parameter an ID of a prefix is.
_PARAMETERS: Final[Mapping[str, str]] = {
    "apr": "approval_id",
    "bat": "batch_id",
    "dlv": "delivery_id",
    "evt": "event_id",
    "hld": "hold_id",
    "key": "key_id",
    "ord": "order_id",
    "rfd": "refund_id",
    "rpl": "replay_id",
    "sub": "subscription_id",
    "txn": _TOP_UP,
    "we": "endpoint_id",
}


def add_links(ours: Mapping[str, Any], components: Mapping[str, Schema]) -> None:
    shows = dict(_showing(ours))
    for item in ours.values():
        for method, operation in item.items():
            others = {one: name for one, name in shows.items() if name != operation["operationId"]}
            # What is deleted is not shown; a call without a key may be about another account.
            if method != "delete" and operation["security"]:
                _add_to(operation["responses"], others, components)


def _showing(ours: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for template, item in ours.items():
        found = _SHOWS.fullmatch(template)
        if found is not None and "get" in item and template.count("{") == 1:
            yield found[1], item["get"]["operationId"]


def _add_to(
    responses: Mapping[str, Any], shows: Mapping[str, str], components: Mapping[str, Schema]
) -> None:
    for status, response in responses.items():
        found = _found(response, components) if status.startswith("2") else {}
        links = {shows[one]: _link(shows[one], one, found[one]) for one in found if one in shows}
        if links:
            response["links"] = links


def _link(operation_id: str, param: str, pointer: str) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "parameters": {param: pointer},
        "description": "The same thing, as it is then.",
    }


def _found(response: Mapping[str, Any], components: Mapping[str, Schema]) -> dict[str, str]:
    found: dict[str, str] = {}
    if _OF_TOP_UPS & {*response.get(CODES_HERE, ())}:
        found[_TOP_UP] = f"$response.body#/{_TOP_UP}"
    for data in _data(response, components):
        for name, schema in data.get("properties", {}).items():
            prefix = _PREFIX.match(schema.get("pattern", ""))
            param = _PARAMETERS.get(prefix[1]) if prefix else None
            # An order's reference only looks like a top-up's ID.
            if param is not None and name != "reference":
                found.setdefault(param, f"$response.body#/data/{name}")
    return found


def _data(response: Mapping[str, Any], components: Mapping[str, Schema]) -> Iterator[Schema]:
    """Yield the schema of `data` of each form that the response may have."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    for choice in schema.get("anyOf", [schema]):
        whole = components.get(choice.get("$ref", "").removeprefix(PLACE), {})
        ref = whole.get("properties", {}).get("data", {}).get("$ref", "")
        yield components.get(ref.removeprefix(PLACE), {})
