"""Group the OpenAPI document's operations by resource, for the reference pages."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.docs import samples
from gateway.openapi.responses import CODES_HERE

DEPTH_MAX: Final = 4
_CHARACTERS: Final = re.compile(r"[a-z0-9]+")
_METHODS: Final = ("get", "post", "put", "patch", "delete")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    is_required: bool
    about: str


@dataclass(frozen=True, slots=True)
class DocumentedAnswer:
    status: str
    description: str
    codes: tuple[int, ...]
    about: str
    fields: Sequence[Field]
    example: Any


@dataclass(frozen=True, slots=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    about: str
    is_ours: bool
    query: Sequence[Field]
    body: Sequence[Field]
    answers: Sequence[DocumentedAnswer]
    refusals: Sequence[DocumentedAnswer]
    call: samples.Call


@dataclass(frozen=True, slots=True)
class DocumentedResource:
    slug: str
    name: str
    about: str
    operations: Sequence[Operation]


def resources(document: Json, server: str) -> list[DocumentedResource]:
    reader = _Reader(document, server)
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                found[item[method]["tags"][0]].append(reader.operation(path, method, item[method]))
    return [
        DocumentedResource(
            slug_of(tag["name"]), tag["name"], tag["description"], found[tag["name"]]
        )
        for tag in document["tags"]
    ]


def slug_of(name: str) -> str:
    return "-".join(_CHARACTERS.findall(name.lower()))


def fields_of(schema: Json) -> list[Field]:
    return list(_Reader(schema, "").fields(schema, "", 0))


class _Reader:
    def __init__(self, document: Json, server: str) -> None:
        self._document = document
        self._server = server

    def operation(self, path: str, method: str, raw: Json) -> Operation:
        parameters = [self._resolved(parameter) for parameter in raw["parameters"]]
        answers: list[DocumentedAnswer] = []
        refusals: list[DocumentedAnswer] = []
        for status, response in raw["responses"].items():
            outcome = self._outcome(status, self._resolved(response))
            (answers if status < "3" or outcome.example else refusals).append(outcome)
        return Operation(
            anchor=raw["operationId"].replace("_", "-"),
            method=method.upper(),
            path=path,
            summary=raw["summary"],
            about=raw["description"],
            is_ours=any(outcome.codes for outcome in answers),
            query=[self._parameter(one) for one in parameters if one["in"] == "query"],
            body=list(self._body(raw)),
            answers=answers,
            refusals=refusals,
            call=samples.call_of(self._server, path, method, raw, self._resolved),
        )

    def _resolved(self, node: Json) -> Json:
        ref = node.get("$ref")
        if ref is None:
            return node
        found: Any = self._document
        for step in ref.removeprefix("#/").split("/"):
            found = found[step]
        return self._resolved(found)

    def _parameter(self, raw: Json) -> Field:
        schema = raw["schema"]
        return Field(raw["name"], kind_of(schema), raw["required"], self._about(schema))

    def _body(self, raw: Json) -> Iterator[Field]:
        for media in raw.get("requestBody", {}).get("content", {}).values():
            yield from self.fields(media.get("schema", {}), "", 0)
            return

    def _outcome(self, status: str, response: Json) -> DocumentedAnswer:
        media = response.get("content", {}).get("application/json", {})
        schema = self._resolved(media.get("schema", {}))
        codes = tuple(response.get(CODES_HERE, ()))
        fields: list[Field] = []
        about = ""
        for choice in map(self._resolved, schema.get("anyOf", [schema])):
            # Our own responses differ only in `data`, so only that is shown.
            shape = self._resolved(choice["properties"]["data"] if codes and choice else choice)
            about = about or shape.get("description", "")
            known = {field.name for field in fields}
            fields += [field for field in self.fields(shape, "", 0) if field.name not in known]
        description = response["description"]
        return DocumentedAnswer(status, description, codes, about, fields, media.get("example"))

    def fields(self, schema: Json, prefix: str, depth: int) -> Iterator[Field]:
        shape = self._resolved(schema)
        required = shape.get("required", ())
        for name, inner in shape.get("properties", {}).items():
            dotted = f"{prefix}{name}"
            yield Field(dotted, self._kind(inner), name in required, self._about(inner))
            below = self._below(inner)
            if below is not None and depth < DEPTH_MAX:
                mark = "[]." if self._is_list(inner) else "."
                yield from self.fields(below, dotted + mark, depth + 1)

    def _kind(self, schema: Json) -> str:
        if "anyOf" in schema:
            return kind_of({"anyOf": [self._resolved(kind) for kind in schema["anyOf"]]})
        return kind_of(self._resolved(schema))

    def _about(self, schema: Json) -> str:
        places = (schema, *map(self._resolved, schema.get("anyOf", ())), self._resolved(schema))
        description = next((place["description"] for place in places if "description" in place), "")
        default = schema.get("default")
        if default is None or default in ("", []):
            return str(description)
        return f"{description} Default: `{json.dumps(default)}`.".strip()

    def _is_list(self, schema: Json) -> bool:
        kinds = [schema, *schema.get("anyOf", ())]
        return any(kind.get("type") == "array" for kind in kinds)

    def _below(self, schema: Json) -> Json | None:
        for kind in (schema, *schema.get("anyOf", ())):
            inner = kind.get("items", kind) if kind.get("type") == "array" else kind
            found = self._resolved(inner)
            if "properties" in found:
                return found
        return None


def kind_of(schema: Json) -> str:
    """Return a type's allowed values, or the type in words, such as "list of string"."""
    if "anyOf" in schema:
        kinds = [kind_of(kind) for kind in schema["anyOf"] if kind.get("type") != "null"]
        nullable = len(kinds) < len(schema["anyOf"])
        return " or ".join(dict.fromkeys(kinds)) + (" or null" if nullable else "")
    if "const" in schema:
        return f"always `{schema['const']}`"
    if "enum" in schema:
        values = [value for value in schema["enum"] if value is not None]
        nullable = len(values) < len(schema["enum"])
        return ", ".join(f"`{value}`" for value in values) + (" or null" if nullable else "")
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "time"
    return f"{kind}{_bounds(schema)}"


_INT64: Final = 2**63 - 1


def _bounds(schema: Json) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    least = None if least == -_INT64 - 1 else least
    most = None if most == _INT64 else most
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f", at least {least}"
    if most is not None:
        return f", at most {most}"
    return f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""
