"""Name the calls of the clients: which subject an operation of /openapi.json belongs to, and how its method is called."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

API: Final = "/api/public/v1/"
JSON: Final = "application/json"
ENVELOPE: Final = {"success", "code", "message", "transaction_id", "status", "timestamp", "data"}
PAGE: Final = {"items", "next_cursor", "has_more"}
KEY: Final = {"$ref": "#/components/parameters/Idempotency-Key"}
# Methods that `_name` wouldn't name well.
NAMES: Final = {
    "POST topup/bulk": "send_bulk",
    "GET topup/balance/recharge": "recharge",
    "PUT topup/balance/recharge": "set_recharge",
    "DELETE topup/balance/recharge": "delete_recharge",
    "GET topup/balance/recharge/methods": "payment_methods",
    "POST topup/balance/recharge/methods": "save_payment_method",
    "DELETE topup/balance/recharge/methods/{method_ref}": "delete_payment_method",
    "POST sandbox/topups/{transaction_id}": "settle_topup",
    "POST sandbox/clock": "set_clock",
    "POST usage": "record",
    "GET subscriptions/{subscription_id}/change": "preview_change",
    "POST subscriptions/{subscription_id}/free-periods": "grant_free_period",
    "POST subscriptions/{subscription_id}/free-periods/{period_id}/revoke": "revoke_free_period",
    "POST keys/sandbox": "create_sandbox",
    "GET keys/self": "own",
    "DELETE keys/self": "delete_own",
    "DELETE tokens": "delete_by_value",
    "POST cli/login/token": "login_token",
}
# What a client doesn't call: a stream is no answer, and fulfilment signs with a secret of its own.
LEFT_OUT: Final = {"GET events/stream", "POST fulfilment/{transaction_id}"}
_OF_ALL: Final = {"get": "list", "post": "create"}
_OF_ONE: Final = {"get": "get", "patch": "update", "delete": "delete"}
_PREFIXES: Final = {"put": "set_", "delete": "delete_"}


@dataclass(frozen=True)
class Operation:
    """A method of the clients.

    arguments: the path's parameters. fields: the type of the body's or query's fields, or empty. answers: the
    types of the response's data, or of its entries if `is_list`; if empty, the response is a file.
    """

    method: str
    path: str
    subject: str
    name: str
    summary: str
    arguments: list[str]
    fields: str
    needs_fields: bool
    query: Mapping[str, Any]
    has_body: bool
    takes_key: bool
    answers: list[str]
    is_list: bool


def operations_of(described: Mapping[str, Any]) -> list[Operation]:
    """Return the operations that answer JSON or a file, by subject and name."""
    found = [
        one
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if path.startswith(API)
        for one in _methods(path, method, operation, described["components"]["schemas"])
    ]
    return sorted(found, key=lambda one: (one.subject, one.name))


def _methods(
    path: str, method: str, described: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[Operation]:
    contents = [one["content"] for one in described["responses"].values()]
    place = path.removeprefix(API)
    if f"{method.upper()} {place}" in LEFT_OUT:
        return
    parts = place.split("/")
    subject = {"topup": "topups", "portal-links": "portal_links"}.get(parts[0], parts[0])
    name = _name(method, parts)
    bodies = described.get("requestBody", {}).get("content", {}).values()
    body = "".join(_named(one["schema"]) for one in bodies)
    query = {
        one["name"]: {**one["schema"], "description": one["description"]}
        for one in described["parameters"]
        if one.get("in") == "query" and one["name"] != "format"
    }
    data = [one for content in contents if JSON in content for one in _data(content[JSON], schemas)]
    entries = [one.removeprefix("*") for one in data if one.startswith("*")]
    single = list(dict.fromkeys(one for one in data if not one.startswith("*")))
    for is_list, answers in ((True, entries), (False, single)):
        if not answers and (is_list or data):
            continue
        # A list that can answer sums instead is two methods.
        is_sum = bool(entries) and not is_list
        yield Operation(
            method=method.upper(),
            path=path,
            subject=subject,
            name="sums" if is_sum else name,
            summary=described["summary"],
            arguments=re.findall(r"{(\w+)}", path),
            fields=body or (f"{subject}_{'sums' if is_sum else name}_query" if query else ""),
            needs_fields=bool(body and schemas[body].get("required")),
            query={key: one for key, one in query.items() if is_sum or key != "group_by"},
            has_body=bool(body),
            takes_key=KEY in described["parameters"],
            answers=answers,
            is_list=is_list,
        )


def _name(method: str, parts: list[str]) -> str:
    named = NAMES.get(f"{method.upper()} {'/'.join(parts)}")
    words = [re.sub(r"\W", "_", part) for part in parts[1:] if not part.startswith("{")]
    if named or words:
        return named or _PREFIXES.get(method, "") + "_".join(words)
    return (_OF_ALL if len(parts) == 1 else _OF_ONE)[method]


def _data(content: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the types of an answer's data; of a page that of its entries, after a `*`."""
    for schema in content["schema"].get("anyOf", [content["schema"]]):
        name = _named(schemas[_named(schema)]["properties"]["data"])
        properties = schemas[name]["properties"]
        yield f"*{_named(properties['items']['items'])}" if properties.keys() == PAGE else name


def _named(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
