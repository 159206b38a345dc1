"""Build the JSON Schemas of tools' inputs and outputs from the routes' structs and the caller's limits.

An input schema allows everything that the API accepts. An output schema has only the fields that agents use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_args, get_origin

from billing.orders.place import AMOUNT_CENTS_MAX as ORDER_CENTS_MAX, AMOUNT_CENTS_MIN
from billing.topups.platform import Platform
from billing.topups.send_acts import MESSAGE
from gateway.mcp.tools import KEY, ApiTool
from gateway.openapi.schemas import PLACE, Schema, Schemas, without_null
from kernel.fields import LINE
from kernel.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX, INT64_MAX
from kernel.shaped import Listing

_KEY_SCHEMA: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": IDEMPOTENCY_KEY_CHARACTERS_MAX,
    "pattern": "^[!-~]+$",
}
_KEY_WORDS: Final = {
    "required": (
        "Your own name for this one action. Reuse this key when you retry; a new key is a new payment."
    ),
    "optional": "Your own name for this one action; reuse it when you retry.",
}
_ORDER: Final = "create_order"
_RECIPIENTS_MAX: Final = 20
# These keywords only restrict a value, so readers of responses don't need them.
_UNSAID_OF_ANSWERS: Final = frozenset(
    {
        *("description", "title", "default", "examples", "pattern", "format", "required"),
        *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    }
)
_UNSAID_PATTERNS: Final = frozenset({LINE.replace(r"\Z", "$"), MESSAGE.replace(r"\Z", "$")})
_SMALL: Final = 5
_ENUM_MAX: Final = 12
# If an argument has more allowed values than this, the tool lists only some of them. If a call contains a wrong value,
# the error suggests the right one.
_WORDS_MAX: Final = 20
# All tools' errors have the same fields, which the server's instructions describe.
_ERROR: Final[Schema] = {"type": "object"}
_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Offer:
    platforms: tuple[Platform, ...] = ()
    providers: tuple[str, ...] = ()
    per_call_cents: int | None = None
    recipients: tuple[str, ...] | None = None


def input_schema(tool: ApiTool, offer: Offer) -> Schema:
    fields = dict(arguments_of(tool))
    required = [*tool.needs, *_required_of(tool)]
    for name, limits in _limits(tool, offer).items():
        if name in fields:
            fields[name] = {**fields[name], **limits}
    if tool.key is not None:
        fields[KEY] = {**_KEY_SCHEMA, "description": _KEY_WORDS[tool.key]}
    if tool.key == "required":
        required.append(KEY)
    schema: Schema = {"type": "object", "properties": fields}
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


@cache
def output_schema(tool: ApiTool) -> Schema:
    shown = _shown(tool)
    # A delivery attempt has its own `error`, so accept any value there.
    error = {} if "error" in shown else _ERROR
    return {
        "type": "object",
        "required": ["success", "code", "transaction_id", "data"],
        "properties": {
            "success": {"type": "boolean"},
            "code": {"type": "integer"},
            "transaction_id": {"type": ["string", "null"]},
            "data": {"type": "object", "properties": {**shown, "error": error}},
        },
    }


@cache
def arguments_of(tool: ApiTool) -> Mapping[str, Schema]:
    schemas = Schemas([tool.fields])
    own = schemas.body_of(tool.fields).get("properties", {})
    listed = {name: {"type": "string"} for name in tool.params}
    listed |= {
        name: _argument(schema, schemas) for name, schema in own.items() if name not in tool.omits
    }
    for name, words in tool.says.items():
        listed[name] = {**listed[name], "description": words}
    return listed


@cache
def _required_of(tool: ApiTool) -> tuple[str, ...]:
    return tuple(Schemas([tool.fields]).body_of(tool.fields).get("required", ()))


def _argument(schema: Schema, schemas: Schemas) -> Schema:
    plain = without_null(schema)
    ref = plain.pop("$ref", None)
    if ref is not None:
        plain = {**_argument(_component(schemas, ref), schemas), **plain}
    kept = {name: value for name, value in plain.items() if not _is_unsaid(name, value)}
    if "properties" in kept:
        kept["properties"] = {
            name: _argument(one, schemas) for name, one in kept["properties"].items()
        }
    if "items" in kept:
        kept["items"] = _argument(kept["items"], schemas)
    if len(kept.get("enum", ())) > _WORDS_MAX:
        del kept["enum"]
    return kept


def _is_unsaid(keyword: str, value: Any) -> bool:
    """Return whether to leave out the keyword. Agents pay for each word, and most names explain their field."""
    if keyword in {"description", "examples"}:
        return True
    if keyword == "pattern":
        return value in _UNSAID_PATTERNS
    if keyword == "maxLength":
        return bool(value >= _CHARACTERS)
    is_machines = type(value) is int and abs(value) >= INT64_MAX
    return is_machines or keyword == "propertyNames" or (keyword == "required" and not value)


def _limits(tool: ApiTool, offer: Offer) -> Mapping[str, Schema]:
    if tool.method == "GET":
        return {}
    if tool.name == _ORDER:
        bounds = {"minimum": AMOUNT_CENTS_MIN, "maximum": ORDER_CENTS_MAX}
        return {"amount_cents": bounds, "provider": _one_of(offer.providers)}
    return {
        "platform": _one_of([one.id for one in offer.platforms]),
        "amount_cents": _amount(offer),
        "recipient_email": {"format": "email", **_recipients(offer)},
    }


def _one_of(words: Any) -> Schema:
    return {"enum": list(words)} if words else {}


def _amount(offer: Offer) -> Schema:
    if not offer.platforms:
        return {}
    each = {one.id: (one.min_amount_cents, one.max_amount_cents) for one in offer.platforms}
    least, most = min(low for low, _ in each.values()), max(high for _, high in each.values())
    words = "US cents: 1000 is $10.00."
    if len(set(each.values())) > 1:
        words += " " + ", ".join(f"{name} {low}-{high}" for name, (low, high) in each.items()) + "."
    if offer.per_call_cents is not None and offer.per_call_cents < most:
        most = offer.per_call_cents
        words += f" This key: at most {most} a call, fee included."
    return {"minimum": least, "maximum": most, "description": words}


def _recipients(offer: Offer) -> Schema:
    listed = offer.recipients
    if listed is None or len(listed) > _RECIPIENTS_MAX:
        return {}
    if any(one.startswith("*") for one in listed):
        return {"description": f"This key sends only to: {', '.join(listed)}."}
    return {"enum": list(listed)}


def _shown(tool: ApiTool) -> Schema:
    found: Schema = {}
    for outcome in (one for route in tool.routes for one in route.answers):
        if outcome.data is None:
            continue
        is_list = get_origin(outcome.data) is Listing
        struct = get_args(outcome.data)[0] if is_list else outcome.data
        schemas = Schemas([struct])
        own = schemas.body_of(struct)["properties"]
        picked = {name: _bare(own[name], schemas) for name in tool.shows if name in own}
        if is_list:
            items = {"type": "array", "items": {"type": "object", "properties": picked}}
            picked = {"items": items, "next_cursor": {"type": ["string", "null"]}}
        for name, schema in picked.items():
            found[name] = _either(found.get(name, schema), schema)
    missing = set(tool.shows) - found.keys() if "items" not in found else set()
    assert not missing, f"{tool.name}: no answer has {missing}"
    return found


def _either(one: Schema, other: Schema) -> Schema:
    if one == other:
        return one
    if "enum" in one and {**one, "enum": ()} == {**other, "enum": ()}:
        return {**one, "enum": list(dict.fromkeys([*one["enum"], *other["enum"]]))}
    return {}


def _bare(schema: Any, schemas: Schemas, *, is_inside: bool = False) -> Any:
    """Remove descriptions. Inline small structs at the first level, and replace others with their type."""
    if isinstance(schema, list):
        return [_bare(one, schemas, is_inside=is_inside) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        struct = _component(schemas, schema["$ref"])
        if is_inside or len(struct.get("properties", ())) > _SMALL:
            return {"type": "object"}
        return _bare(struct, schemas, is_inside=True)
    kept = {
        name: {one: _bare(each, schemas, is_inside=is_inside) for one, each in value.items()}
        if name == "properties"
        else _bare(value, schemas, is_inside=is_inside)
        for name, value in schema.items()
        if name not in _UNSAID_OF_ANSWERS
    }
    if len(kept.get("enum", ())) > _ENUM_MAX:
        return {"type": "string"}
    choices = kept.get("anyOf")
    if isinstance(choices, list) and all(set(one) == {"type"} for one in choices):
        return {"type": [one["type"] for one in choices]}
    return kept


def _component(schemas: Schemas, ref: str) -> Schema:
    return schemas.components[ref.removeprefix(PLACE)]
