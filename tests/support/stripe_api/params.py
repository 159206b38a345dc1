"""A request's form: `a[b][0][c]=1` as nested fields, read by their types."""

from typing import Any
from urllib.parse import parse_qsl

from tests.support.stripe_api.account import Json, Refusal

NONE: Json = {}


class Params:
    """Fields of a form, or of one inside another; what is missing is null, or a refusal."""

    def __init__(self, fields: Json) -> None:
        self.fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def text(self, name: str) -> str | None:
        found = self.fields.get(name)
        return None if found in {None, ""} else str(found)

    def needed(self, name: str) -> str:
        found = self.text(name)
        if found is None:
            message = f"Missing required param: {name}."
            raise Refusal(message, code="parameter_missing", param=name)
        return found

    def whole(self, name: str) -> int | None:
        found = self.text(name)
        if found is None:
            return None
        if not found.lstrip("-").isdigit():
            raise Refusal(f"Invalid integer: {found}", code="parameter_invalid_integer", param=name)
        return int(found)

    def flag(self, name: str, *, default: bool = False) -> bool:
        found = self.text(name)
        return default if found is None else found == "true"

    def inner(self, name: str) -> "Params":
        found = self.fields.get(name)
        return Params(found if isinstance(found, dict) else {})

    def rows(self, name: str) -> list["Params"]:
        return [Params(one) for one in self._listed(name) if isinstance(one, dict)]

    def texts(self, name: str) -> list[str]:
        return [str(one) for one in self._listed(name) if one != ""]

    def metadata(self, known: Json | None = None) -> Json:
        """What the form adds to the known; a field that it empties is gone."""
        given = self.inner("metadata").fields
        return {key: value for key, value in {**(known or {}), **given}.items() if value != ""}

    def _listed(self, name: str) -> list[Any]:
        found = self.fields.get(name)
        return list(found.values()) if isinstance(found, dict) else []


def decoded(form: str) -> Params:
    """The fields of an encoded form; a list's items are kept under their indexes."""
    fields: Json = {}
    for position, (name, value) in enumerate(parse_qsl(form, keep_blank_values=True)):
        head, *rest = name.replace("]", "").split("[")
        here = fields
        # `a[]` names no index: its place in the form is one.
        for key, following in zip([head, *rest], [*rest, None], strict=True):
            key = key or str(position)  # noqa: PLW2901
            if following is None:
                here[key] = value
            else:
                here = here.setdefault(key, {})
    return Params(fields)
