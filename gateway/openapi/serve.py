"""Serve GET /openapi.json, a shorter version of it for agents, and the operators' document."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answers.words import API_PREFIX
from gateway.http.documents import Documents, address_for
from gateway.http.routing import ApiSurface, Router
from gateway.openapi.discovery import discovery_of
from gateway.openapi.document import PUBLIC, Api, document, encoded
from gateway.openapi.schemas import PLACE, pruned
from gateway.x402 import endpoint as x402
from runtime.context import Context

CALLS: Final = (
    ("post", "/keys/sandbox"),
    ("get", "/keys/self"),
    ("get", "/platforms"),
    ("get", "/topup/balance"),
    ("post", "/sandbox/fund"),
    ("post", "/topup/send"),
    ("get", "/topup/status/{transaction_id}"),
    ("post", "/webhooks/register"),
    ("post", "/webhooks/{endpoint_id}/test"),
    ("post", "/webhooks/verify"),
    ("get", "/deliveries"),
    ("post", "/keys"),
    ("get", "/codes"),
)
_EXAMPLES: Final = frozenset({"examples", "example", "tags"})
_OF_ANSWERS: Final = _EXAMPLES | {
    *("pattern", "format", "minimum", "maximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "required"),
}
_REFUSED: Final = "Refused"
_NULL: Final = {"type": "null"}
_ABOUT: Final = (
    "The calls that an agent needs first: a key, a send, its status, the balance, webhooks. /docs/agent.md"
    " explains them in order; /openapi.json has the whole API. Amounts are whole US cents: 1000 means $10.00."
)
_PAID: Final = f" Without a key, POST {x402.PATH} responds 402 with its price, and the next request pays it (/docs/x402.md)."
_ERROR: Final = (
    "Refused: data.error says why, and its next_action, errors[] and links[] say what to do."
)


def agent_document(whole: Mapping[str, Any]) -> dict[str, Any]:
    is_payable = "x-payment-info" in whole["paths"][x402.PATH]["post"]
    paths: dict[str, dict[str, Any]] = {}
    for method, path in CALLS:
        place = API_PREFIX + path
        paths.setdefault(place, {})[method] = _short(whole["paths"][place][method])
    components = whole["components"]
    schemas = pruned(components["schemas"], [paths, _refused()])
    asked, kept = _request_schemas(paths, schemas), _shown_schemas(paths, schemas)
    small = {
        name: _nullable(_cut(_without(one, _left_out(name, asked)), kept))
        for name, one in schemas.items()
        if name in kept
    }
    return {
        "openapi": whole["openapi"],
        "jsonSchemaDialect": whole["jsonSchemaDialect"],
        "info": {
            **whole["info"],
            "title": "Topup Gateway for agents",
            "description": _ABOUT + (_PAID if is_payable else ""),
        },
        "servers": whole["servers"],
        "paths": paths,
        "components": {
            "schemas": _described_once(small, asked),
            "responses": {_REFUSED: _refused()},
            "securitySchemes": components["securitySchemes"],
            "parameters": components["parameters"],
        },
    }


def _short(operation: Mapping[str, Any]) -> dict[str, Any]:
    done = {
        status: {"description": one["description"], "content": one["content"]}
        for status, one in operation["responses"].items()
        if status.startswith("2") and "content" in one
    }
    for one in done.values():
        one["content"] = {
            kind: held for kind, held in one["content"].items() if kind == "application/json"
        }
    refused = {"$ref": f"#/components/responses/{_REFUSED}"}
    short = {name: one for name, one in operation.items() if name not in _EXAMPLES}
    short["responses"] = _without({**done, "default": refused}, _EXAMPLES)
    if "requestBody" in short:
        short["requestBody"] = _without(short["requestBody"], _EXAMPLES)
    return short


def _refused() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"{PLACE}Error"}}}
    return {"description": _ERROR, "content": content}


def _left_out(name: str, asked: Collection[str]) -> Collection[str]:
    if name in asked:
        return _EXAMPLES
    # The schema `Error` already describes the seven fields that every response has.
    return _OF_ANSWERS | {"description"} if name.endswith("Answer") else _OF_ANSWERS


def _request_schemas(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> set[str]:
    operations = [one for each in paths.values() for one in each.values()]
    parts = [[one.get("requestBody"), one.get("parameters")] for one in operations]
    return {*pruned(schemas, parts)}


def _shown_schemas(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> set[str]:
    operations = [one for each in paths.values() for one in each.values()]
    kept = _request_schemas(paths, schemas) | {*pruned(schemas, [{"$ref": f"{PLACE}Error"}])}
    kept |= {name for name, one in schemas.items() if one.get("type") == "string"}
    answers = {*_named([one["responses"] for one in operations])} & schemas.keys()
    shown = {*_named([schemas[name] for name in answers])} & schemas.keys()
    items = {*_named([schemas[name]["properties"].get("items") for name in shown])} & schemas.keys()
    return kept | answers | shown | items


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(PLACE)
        for one in value.values():
            yield from _named(one)


def _cut(value: Any, kept: Collection[str]) -> Any:
    if isinstance(value, list):
        return [_cut(one, kept) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _cut(one, kept) for name, one in value.items()}
    reference = found.get("$ref")
    if isinstance(reference, str) and reference.removeprefix(PLACE) not in kept:
        del found["$ref"]
        found["type"] = "object"
    return found


def _nullable(value: Any) -> Any:
    """Write a choice between null and one plain type as a list of types, which is shorter."""
    if isinstance(value, list):
        return [_nullable(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _nullable(one) for name, one in value.items()}
    match found.get("anyOf"):
        case [{"type": str(kind), **rest}, null] if null == _NULL and "enum" not in rest:
            del found["anyOf"]
            return {**found, "type": [kind, "null"], **rest}
    return found


def _described_once(schemas: Mapping[str, Any], asked: Collection[str]) -> dict[str, Any]:
    """Show each field's description only where it first appears."""
    first = sorted(schemas, key=lambda name: name not in asked)
    said: set[tuple[str, str]] = set()
    for name in first:
        for field, one in schemas[name].get("properties", {}).items():
            about = (field, one.get("description", "")) if isinstance(one, dict) else (field, "")
            if name not in asked and about in said:
                del one["description"]
            elif about[1]:
                said.add(about)
    return {**schemas}


def _without(value: Any, left_out: Collection[str], *, is_named: bool = False) -> Any:
    if isinstance(value, list):
        return [_without(one, {*left_out, "description"}) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without(one, left_out, is_named=name == "properties" and not is_named)
        for name, one in value.items()
        if is_named or name not in left_out
    }


PATH = "/openapi.json"
AGENT_PATH = "/openapi/agent.json"
OPERATOR_PATH = "/openapi/operator.json"
_CACHE = "public, max-age=300"


def routes(
    context: Context,
    surfaces: Sequence[ApiSurface],
    documents: Documents,
    *,
    path: str = PATH,
    api: Api = PUBLIC,
) -> list[Route]:
    server = context.settings.public_url or "/"

    def made(request: Request) -> dict[str, Any]:
        home = address_for(context.settings.public_url, request)
        discovery = discovery_of(context, home) if api is PUBLIC else None
        return document(Router(surfaces), server, api, discovery)

    def whole(request: Request) -> Response:
        return _json(made(request))

    def small(request: Request) -> Response:
        return _json(agent_document(made(request)))

    found = [Route(path, documents.once(whole), methods=["GET"])]
    if api is PUBLIC:
        found.append(Route(AGENT_PATH, documents.once(small), methods=["GET"]))
    return found


def _json(made: Mapping[str, Any]) -> Response:
    headers = {"cache-control": _CACHE}
    return Response(encoded(made), media_type="application/json", headers=headers)
