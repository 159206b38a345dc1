"""Build the whole OpenAPI 3.1 document from the route table and the webhooks' event types."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from gateway.answers import response_codes as codes
from gateway.http.routing import Resource, Route, Router
from gateway.openapi import responses
from gateway.openapi.discovery import Discovery, add_discovery
from gateway.openapi.examples import EVENT_EXAMPLE
from gateway.openapi.field_words import FIELD_WORDS
from gateway.openapi.operations import BEARER, SESSION, is_ours, operation, tag_of
from gateway.openapi.responses import CODES_HERE, Shared
from gateway.openapi.schemas import PLACE, Schema, Schemas, pruned
from kernel import version
from kernel.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from keys.principal import OPERATOR_SCOPES, SCOPES
from keys.signatures.signing import SIGNATURE_HEADER, STANDARD_HEADER
from webhooks.events.catalogue import PATH as EVENTS_PATH, event_example, event_schema
from webhooks.events.event import API_VERSION
from webhooks.events.schemas import TYPES

_TOP_UP: Final = "transaction_id"
_OF_TOP_UPS: Final = {codes.DELIVERED, codes.PENDING, codes.APPROVAL_REQUIRED, codes.REVERSED}
_PREFIX: Final = re.compile(r"\^([a-z]+)_")
_SHOWS: Final = re.compile(r".*/\{(\w+)\}")
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
        for method, listed in item.items():
            others = {one: name for one, name in shows.items() if name != listed["operationId"]}
            # Don't link from a DELETE, because its object can no longer be shown. Don't link from a call without a
            # key, because the call may concern another account.
            if method != "delete" and listed["security"]:
                _add_to(listed["responses"], others, components)


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
        "description": "The object's current state.",
    }


def _found(response: Mapping[str, Any], components: Mapping[str, Schema]) -> dict[str, str]:
    found: dict[str, str] = {}
    if _OF_TOP_UPS & {*response.get(CODES_HERE, ())}:
        found[_TOP_UP] = f"$response.body#/{_TOP_UP}"
    for data in _data(response, components):
        for name, schema in data.get("properties", {}).items():
            prefix = _PREFIX.match(schema.get("pattern", ""))
            param = _PARAMETERS.get(prefix[1]) if prefix else None
            # An order's `reference` looks like a top-up's ID, but isn't one.
            if param is not None and name != "reference":
                found.setdefault(param, f"$response.body#/data/{name}")
    return found


def _data(response: Mapping[str, Any], components: Mapping[str, Schema]) -> Iterator[Schema]:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    for choice in schema.get("anyOf", [schema]):
        whole = components.get(choice.get("$ref", "").removeprefix(PLACE), {})
        ref = whole.get("properties", {}).get("data", {}).get("$ref", "")
        yield components.get(ref.removeprefix(PLACE), {})


OPENAPI: Final = "3.1.0"
DIALECT: Final = "https://spec.openapis.org/oas/3.1/dialect/base"
_LICENSE: Final = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
_SIGNATURES: Final = (
    (SIGNATURE_HEADER, "A signature in Stripe's scheme: t=<Unix seconds>,v1=<hex HMAC-SHA256>."),
    ("X-AiTopUp-Event", "The event's type."),
    ("X-AiTopUp-Delivery", "The delivery's ID, dlv_…"),
    ("X-AiTopUp-Attempt", "The attempt's number, from 1."),
    ("webhook-id", "The event's ID, the same in every attempt and replay."),
    ("webhook-timestamp", "The attempt's time in Unix seconds."),
    (STANDARD_HEADER, "A signature in Standard Webhooks' scheme: v1,<base64 HMAC-SHA256>."),
)


class Api(NamedTuple):
    title: str
    description: str
    bearer: str
    webhooks: Collection[str] = ()


PUBLIC: Final = Api(
    "Topup Gateway",
    (
        "Prepaid AI credit in one call: a ledger, vouchers and signed webhooks behind one REST API."
        " Every response has the same envelope with a numeric code. An `Idempotency-Key` makes a repeated"
        " call harmless. `ak_staging_` keys run everything without moving real credit."
        " Texts in requests can't contain control characters other than tabs and line ends."
    ),
    (
        "An API key (ak_staging_… or ak_live_…) or a system access token (sat_…)."
        f" Scopes: {', '.join(SCOPES)}."
    ),
    tuple(TYPES),
)
OPERATORS: Final = Api(
    "Topup Gateway for operators",
    (
        "The actions of the operator's pages and command line, for programs."
        " Responses, codes, limits and the `Idempotency-Key` work as in the public API."
    ),
    f"An operator token (adm_staging_… or adm_live_…). Scopes: {', '.join(OPERATOR_SCOPES)}.",
)


def document(
    router: Router, server: str, api: Api = PUBLIC, discovery: Discovery | None = None
) -> dict[str, Any]:
    rows = sorted(_rows(router), key=_order)
    schemas = Schemas(_types(rows))
    shared = Shared(schemas)
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}
    for resource, route in rows:
        made = operation(resource, route, schemas, shared)
        paths.setdefault(resource.template, {})[route.method.lower()] = made
        tags.setdefault(*tag_of(route))
    ours = {resource.template for resource, _ in rows if is_ours(resource)}
    add_links({path: paths[path] for path in paths if path in ours}, schemas.components)
    hooks = {event_type: _webhook(event_type, schemas) for event_type in api.webhooks}
    roots = [paths, hooks, shared.responses]
    made = {
        "openapi": OPENAPI,
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": api.title,
            "version": version.base(),
            "description": api.description,
            "license": _LICENSE,
        },
        "servers": [{"url": server}],
        "tags": [{"name": name, "description": about} for name, about in tags.items()],
        "paths": paths,
        "webhooks": hooks,
        "components": {
            "schemas": pruned(schemas.components, roots),
            "responses": dict(sorted(shared.responses.items())),
            "securitySchemes": _security_schemes(api),
            "parameters": {"Idempotency-Key": _idempotency_key()},
            "headers": _headers(),
        },
    }
    if discovery is not None:
        add_discovery(made, discovery)
    return made


def _rows(router: Router) -> Iterator[tuple[Resource, Route]]:
    for resource in router:
        for route in resource.routes.values():
            yield resource, route


def _order(row: tuple[Resource, Route]) -> tuple[bool, int]:
    resource, route = row
    return (not is_ours(resource), resource.surface.routes.index(route))


def _types(rows: list[tuple[Resource, Route]]) -> Iterator[Any]:
    yield from responses.types()
    for event_type in TYPES.values():
        yield event_type.data
    for resource, route in rows:
        yield from (route.body, route.query)
        yield from (outcome.data for outcome in route.answers if outcome.data is not None)
        if resource.surface.refusal is not None:
            yield resource.surface.refusal


def _webhook(event_type: str, schemas: Schemas) -> dict[str, Any]:
    example = EVENT_EXAMPLE if event_type == "topup.delivered" else event_example(event_type)
    content = {"schema": _event(event_type, schemas), "example": example}
    return {
        "post": {
            "operationId": "on_" + event_type.replace(".", "_"),
            "tags": ["Webhooks we send"],
            "summary": TYPES[event_type].sentence,
            "description": f"The event's JSON Schema is at {EVENTS_PATH}/{event_type}.",
            "security": [],
            "parameters": [
                {
                    "name": name,
                    "in": "header",
                    "required": True,
                    "description": about,
                    "schema": {"type": "string"},
                }
                for name, about in _SIGNATURES
            ],
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": {
                "2XX": {"description": "The event is delivered. Respond within 10 s."},
                "410": {"description": "The endpoint is disabled."},
                "default": {"description": "The delivery is retried on the endpoint's schedule."},
            },
        }
    }


def _event(event_type: str, schemas: Schemas) -> Schema:
    inside = event_schema(event_type)["$defs"]["Event"]
    fields = {name: value for name, value in inside["properties"].items() if name != "data"}
    fields |= {
        "type": {"type": "string", "const": event_type, "description": "The event type."},
        "api_version": {
            "type": "string",
            "const": API_VERSION,
            "description": FIELD_WORDS["api_version"],
        },
        "data": {
            "description": "The event's data.",
            **schemas.of(TYPES[event_type].data),
        },
    }
    words = event_type.replace(".", "_").split("_")
    named = "".join(map(str.capitalize, words)) + "Event"
    return schemas.add(named, {**_untitled(inside), "properties": fields})


def _untitled(schema: Mapping[str, Any]) -> Schema:
    return {name: value for name, value in schema.items() if name != "title"}


def _security_schemes(api: Api) -> dict[str, Any]:
    bearer = {BEARER: {"type": "http", "scheme": "bearer", "description": api.bearer}}
    if api is not PUBLIC:
        return bearer
    return {
        **bearer,
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": "topup_session",
            "description": "The dashboard's session. All calls accept it, and some require it.",
        },
    }


def _idempotency_key() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "description": (
            "A text of your own for this action. Repeating the same request with the same key"
            " returns the first response, byte for byte, and does nothing twice."
        ),
        "schema": {
            "type": "string",
            "pattern": "^[!-~]+$",
            "minLength": 1,
            "maxLength": IDEMPOTENCY_KEY_CHARACTERS_MAX,
        },
    }


def _headers() -> dict[str, Any]:
    text: Schema = {"type": "string"}
    return {
        "X-Request-Id": {
            "description": "The request's ID: your own, if you sent a valid one.",
            "required": True,
            "schema": text,
        },
        "RateLimit": {
            "description": '"default";r=<left>;t=<seconds to the reset>, or "account" if that has less left',
            "schema": text,
        },
        "RateLimit-Policy": {"description": '"default";q=<quota>;w=<seconds>', "schema": text},
        "Retry-After": {
            "description": "The seconds to wait before a retry.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "Idempotent-Replayed": {
            "description": "Present if this is the response to an earlier request with the same Idempotency-Key.",
            "schema": {"type": "string", "const": "true"},
        },
    }


def encoded(made: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(made)
