"""The JSON Schemas of every struct that a request or an answer is made of, under one name each.

Promise: two structs of one name get two names. What comes out is the dialect of OpenAPI 3.1 (JSON
Schema 2020-12) with patterns that every language's regular expressions read. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

Schema = dict[str, Any]

PLACE: Final = "#/components/schemas/"
# Modules that every dialect's folder has.
_OF_A_FOLDER = {"routes", "schemas"}
_PAGE_OF = re.compile(r"Listing_(?:.*\.)?(\w+?)_")


class Schemas:
    """The schemas of these types: each struct a component, everything else in its place."""

    def __init__(self, types: Iterable[Any]) -> None:
        listed = list(dict.fromkeys(types))
        found, components = msgspec.json.schema_components(listed, ref_template=PLACE + "{name}")
        names = {name: _plain(name) for name in components}
        assert len(set(names.values())) == len(names), "two structs of one name in one module"
        self._of: dict[Any, Schema] = {
            kind: _clean(schema, names) for kind, schema in zip(listed, found, strict=True)
        }
        self.components: dict[str, Schema] = {
            names[name]: _clean(schema, names) for name, schema in components.items()
        }

    def of(self, kind: Any) -> Schema:
        """The type's schema: of a struct a reference to its component."""
        return self._of[kind]

    def body_of(self, kind: Any) -> Schema:
        """The struct's own schema, where a reference will not do."""
        return self.components[self._of[kind]["$ref"].removeprefix(PLACE)]


def pruned(components: Mapping[str, Schema], roots: Any) -> dict[str, Schema]:
    """Those components that the roots reach."""
    reached: dict[str, Schema] = {}
    waiting = list(_refs(roots))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = components[name]
            waiting.extend(_refs(components[name]))
    return dict(sorted(reached.items()))


def without_null(schema: Schema) -> Schema:
    """The schema for a place that cannot hold null, such as a query parameter."""
    left = {name: value for name, value in schema.items() if name != "default"}
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


def _plain(name: str) -> str:
    """Listing_TopUp_ is TopUpPage; where two modules have the name: gateway.api.keys.PatchBody is
    KeysPatchBody, and of gateway.dialects.newapi.schemas.Offer NewapiOffer.
    """
    page = _PAGE_OF.fullmatch(name)
    if page is not None:
        return f"{page[1]}Page"
    *modules, last = name.split(".")
    named = [module for module in modules if module not in _OF_A_FOLDER]
    prefix = "".join(word.capitalize() for word in named[-1].split("_")) if named else ""
    return prefix + last


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
            # The end of the text, which only Python spells so.
            cleaned[name] = value.replace(r"\Z", "$")
        elif name != "title" or not isinstance(value, str):
            cleaned[name] = _clean(value, names)
    return cleaned
