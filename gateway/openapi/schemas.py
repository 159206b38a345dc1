"""Build the JSON Schemas of all structs in requests and responses, for client generators.

Fields in responses are required. If a request field has a default, only its description says so. Otherwise, a
generated client would always send the field.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from gateway.openapi.field_words import FIELD_WORDS
from kernel.fields import BOUNDS
from kernel.refused import Failure, NextAction
from kernel.shaped import SIGNED, Listing
from kernel.words import TopUpStatus
from keys.principal import SCOPES
from webhooks.events.event import EVENT_TYPES
from webhooks.events.money_schemas import EventData

_DIALECTS: Final = "gateway.dialects."
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9.\-_]")


def structs_of(types: Iterable[Any]) -> dict[str, Any]:
    found = list(dict.fromkeys(_structs(types)))
    plain = [_NOT_IN_A_NAME.sub("_", _shown(kind)) for kind in found]
    times = Counter(plain)
    return {
        name if times[name] == 1 else _NOT_IN_A_NAME.sub("_", _whole(kind)): kind
        for name, kind in zip(plain, found, strict=True)
    }


def names_of(structs: Mapping[str, Any]) -> dict[str, str]:
    names = {name: name_of(kind) for name, kind in structs.items()}
    twice = [name for name, times in Counter(names.values()).items() if times > 1]
    assert not twice, f"give one of two structs another name: {', '.join(sorted(twice))}"
    return names


def name_of(kind: Any) -> str:
    origin = getattr(kind, "__origin__", None)
    if origin is list:
        return name_of(kind.__args__[0]) + "List"
    if origin is not None:
        inner = name_of(kind.__args__[0]).removeprefix(_dialect_of(origin))
        return _dialect_of(origin) + inner + ("Page" if origin is Listing else origin.__name__)
    if issubclass(kind, EventData):
        return f"{kind.__name__}EventData"
    return _dialect_of(kind) + str(kind.__name__).removeprefix(_dialect_of(kind))


def _dialect_of(kind: Any) -> str:
    if not kind.__module__.startswith(_DIALECTS):
        return ""
    dialect = str(kind.__module__).removeprefix(_DIALECTS).partition(".")[0]
    return "".join(map(str.capitalize, dialect.split("_")))


def _shown(kind: Any) -> str:
    origin = getattr(kind, "__origin__", None)
    if origin is None:
        return str(kind.__name__)
    inner = (one.__name__ if isinstance(one, type) else repr(one) for one in kind.__args__)
    return f"{origin.__name__}[{', '.join(inner)}]"


def _whole(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _structs(types: Iterable[Any]) -> Iterator[Any]:
    waiting: list[Any] = list(inspect.multi_type_info(types))
    seen: set[Any] = set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, inspect.StructType):
            if one.cls in seen:
                continue
            seen.add(one.cls)
            yield one.cls
        waiting += _below(one)


def _below(one: Any) -> Iterator[Any]:
    for name in one.__struct_fields__:
        value = getattr(one, name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, inspect.Field):
                yield inner.type
            elif isinstance(inner, inspect.Type):
                yield inner


_WORDS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "EventType": (EVENT_TYPES, "The event type; see GET /docs/events."),
    "Scope": (SCOPES, "A permission of a credential."),
    "TopUpStatus": (get_args(TopUpStatus), "The top-up's status."),
    "NextAction": (get_args(NextAction), "What a program should do after an error."),
}
VOCABULARIES: Final = {frozenset(words): name for name, (words, _) in _WORDS.items()}
VOCABULARY_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    name: {"type": "string", "enum": list(words), "description": about}
    for name, (words, about) in _WORDS.items()
}


Schema = dict[str, Any]

PLACE: Final = "#/components/schemas/"
_INT32_MAX: Final = 2**31 - 1
_INT64_MAX: Final = 2**63 - 1
_PREFIX: Final = re.compile(r"\^([a-z]+_)")


class Schemas:
    def __init__(self, types: Iterable[Any]) -> None:
        listed = list(dict.fromkeys(types))
        found, components = msgspec.json.schema_components(listed, ref_template=PLACE + "{name}")
        structs = structs_of(listed)
        names = names_of(structs)
        self._of: dict[Any, Schema] = {
            kind: _clean(schema, names) for kind, schema in zip(listed, found, strict=True)
        }
        self._whole: dict[str, Schema] = {
            names[name]: _described(_clean(schema, names)) for name, schema in components.items()
        }
        self.components: dict[str, Schema] = VOCABULARY_SCHEMAS | {
            names[name]: _of_struct(
                self._whole[names[name]], is_always_written=_is_whole(kind), is_open=kind is Failure
            )
            for name, kind in structs.items()
        }

    def of(self, kind: Any) -> Schema:
        return self._of[kind]

    def body_of(self, kind: Any) -> Schema:
        return self.components[self.name_of(kind)]

    def parameters_of(self, kind: Any) -> Schema:
        return self._whole[self.name_of(kind)]

    def name_of(self, kind: Any) -> str:
        return str(self._of[kind]["$ref"]).removeprefix(PLACE)

    def add(self, name: str, schema: Schema) -> Schema:
        known = self.components.setdefault(name, schema)
        assert known == schema, f"two schemas of one name: {name}"
        return {"$ref": PLACE + name}


def pruned(components: Mapping[str, Schema], roots: Any) -> dict[str, Schema]:
    reached: dict[str, Schema] = {}
    waiting = list(_refs(roots))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = components[name]
            waiting.extend(_refs(components[name]))
    return dict(sorted(reached.items()))


def without_null(schema: Schema) -> Schema:
    left = {name: value for name, value in schema.items() if (name, value) != ("default", None)}
    choices = [one for one in left.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == 1:
        described = {name: value for name, value in left.items() if name != "anyOf"}
        return {**choices[0], **described}
    if "enum" in left:
        left["enum"] = [word for word in left["enum"] if word is not None]
    return left


def _refs(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str) and ref.startswith(PLACE):
            yield ref.removeprefix(PLACE)
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def _described(schema: Schema) -> Schema:
    properties: dict[str, Schema] = schema.get("properties", {})
    told = {name: _with_description(name, _not_negative(one)) for name, one in properties.items()}
    return {**schema, "properties": told}


def _not_negative(schema: Schema) -> Schema:
    if "anyOf" in schema:
        return {**schema, "anyOf": [_not_negative(one) for one in schema["anyOf"]]}
    if schema.get("type") == "array":
        return {**schema, "items": _not_negative(schema["items"])}
    is_bounded = "exclusiveMinimum" in schema
    if schema.get("type") != "integer" or _is_signed(schema) or is_bounded:
        return schema
    return {"minimum": 0, **schema}


def _is_signed(schema: Schema) -> bool:
    return any(schema.pop(name, False) for name in SIGNED)


def _with_description(name: str, schema: Schema) -> Schema:
    if "description" in schema:
        return schema
    choices = schema.get("anyOf", ())
    about = next((one["description"] for one in choices if "description" in one), "")
    about = about or (_id_of(schema) if name == "id" else FIELD_WORDS.get(name, ""))
    return {"description": about, **schema} if about else schema


def _id_of(schema: Schema) -> str:
    prefix = _PREFIX.match(schema.get("pattern", ""))
    return f"The object's ID, {prefix[1]}…." if prefix else "The object's ID."


def _is_whole(kind: Any) -> bool:
    config: msgspec.structs.StructConfig = getattr(kind, "__origin__", kind).__struct_config__
    return not config.omit_defaults


def _of_struct(schema: Schema, *, is_always_written: bool, is_open: bool) -> Schema:
    properties: dict[str, Schema] = schema.get("properties", {})
    made = {name: _without_default(value) for name, value in properties.items()}
    schema = {**schema, "additionalProperties": True} if is_open else schema
    if not is_always_written:
        return {**schema, "properties": made}
    always = [name for name in properties if _is_always_there(name, schema)]
    return {**schema, "properties": made} | ({"required": always} if always else {})


def _is_always_there(name: str, schema: Schema) -> bool:
    return name in schema.get("required", ()) or "default" in schema["properties"][name]


def _without_default(schema: Schema) -> Schema:
    left = {name: value for name, value in schema.items() if name != "default"}
    default = schema.get("default")
    if default is None or default in ("", [], {}):
        return left
    told = f"{left.get('description', '')} Default: {json.dumps(default)}.".strip()
    return {**left, "description": told}


def _clean(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_clean(one, names) for one in node]
    if not isinstance(node, dict):
        return node
    cleaned = {}
    for name, value in node.items():
        if name == "$ref":
            cleaned[name] = PLACE + names[value.removeprefix(PLACE)]
        elif name == "pattern":
            cleaned[name] = value.replace(r"\Z", "$")
        elif name != "title" or not isinstance(value, str):
            cleaned[name] = _clean(value, names)
    return _finished(cleaned)


def _finished(schema: Schema) -> Schema:
    if "enum" in schema and isinstance(schema["enum"], list):
        return _choice(schema)
    if schema.get("type") == "array":
        return {"items": {}, **schema}
    return _number(schema) if schema.get("type") == "integer" else schema


def _choice(schema: Schema) -> Schema:
    words = [word for word in schema["enum"] if word is not None]
    kind = "string" if isinstance(words[0], str) else "integer"
    named = VOCABULARIES.get(frozenset(words))
    one: Schema = {"$ref": PLACE + named} if named else {"type": kind, "enum": words}
    rest = {name: value for name, value in schema.items() if name not in {"enum", "type"}}
    if len(words) == len(schema["enum"]):
        return {**rest, **one}
    return {**rest, "anyOf": [one, {"type": "null"}]}


def _number(schema: Schema) -> Schema:
    least, most = schema.pop(BOUNDS, (schema.get("minimum"), schema.get("maximum")))
    schema.pop("minimum", None)
    schema.pop("maximum", None)
    if least is not None and least > -_INT64_MAX:
        schema["minimum"] = least
    if most is not None and most < _INT64_MAX:
        schema["maximum"] = most
    return schema if most is not None and most <= _INT32_MAX else {**schema, "format": "int64"}
