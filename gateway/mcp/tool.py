"""One tool: a call of the API, its arguments and how they become that call."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import msgspec
from mcp_types import ToolAnnotations

from gateway.http.fields import shown
from gateway.http.routing import Route, Router
from gateway.surfaces import API, API_PREFIX
from gateway.x402 import endpoint as x402
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields
from kernel.problems import FieldEntry, unknown_fields

KEY: Final = "idempotency_key"
_KEY_EXAMPLE: Final = "order-1042"
_NO_KEY: Final = (
    "is required: any text of your own that names this one action. Give the same one when you retry it;"
    " a new one is a new payment"
)
_PARAM: Final = re.compile(r"\{(\w+)\}")
_encode = msgspec.json.Encoder().encode


class ToolCall(NamedTuple):
    """A call of the API: its route, the path's parameters, body, query and Idempotency-Key."""

    route: Route
    ids: Mapping[str, str]
    body: Mapping[str, Any]
    query: Mapping[str, str]
    key: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ApiTool:
    """One tool and the route behind it.

    - `other_path`: a second route that reads alike, by another argument; one of the two is given.
    - `key`: it takes an idempotency_key. `fills`: defaults of arguments.
    - `shows`: the fields of the response's data, or of a list's items, that the output schema
      names.
    - `omits`: fields that no agent needs; a read with them is refused. `says`: descriptions in
      place of the route's.
    """

    name: str
    title: str
    description: str
    method: str
    path: str
    hints: ToolAnnotations
    shows: tuple[str, ...]
    key: Literal["required", "optional"] | None = None
    omits: frozenset[str] = frozenset()
    says: Mapping[str, str] = field(default_factory=dict)
    other_path: str | None = None
    fills: Mapping[str, str] = field(default_factory=dict)

    @property
    def route(self) -> Route:
        return _route(self.method, self.path)

    @property
    def routes(self) -> tuple[Route, ...]:
        return tuple(_route(self.method, path) for path in self.paths)

    @property
    def fields(self) -> type[Fields]:
        return self.route.body if self.method == "POST" else self.route.query

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,) if self.other_path is None else (self.path, self.other_path)

    @property
    def params(self) -> tuple[str, ...]:
        return tuple(name for path in self.paths for name in _PARAM.findall(path))

    @property
    def needs(self) -> tuple[str, ...]:
        return self.params if self.other_path is None else ()

    def call_of(self, given: Mapping[str, Any], environment: str | None = None) -> ToolCall:
        """Raise InvalidInput, which names all that is wrong, and NotFound."""
        rest = dict(given)
        if self.method == "GET":
            return self._read(rest)
        key = rest.pop(KEY, None) if self.key else None
        fault = self._fault_of_key(key)
        faults = [] if fault is None else [fault]
        named = {name: rest.pop(name) for name in self.params if name in rest}
        faults += self._faults_of_path(named) + _faults_of_text(named)
        if faults:
            raise _refusal([*faults, *_faults_of_body(self.route, rest, environment)])
        return ToolCall(self.route, _ids(named), rest, {}, key)

    def _fault_of_key(self, key: object) -> FieldEntry | None:
        if key is None and self.key == "required":
            return {"param": KEY, "detail": _NO_KEY, "example": _KEY_EXAMPLE}
        if key is not None and not isinstance(key, str):
            return {"param": KEY, "detail": "expected a string", "example": _KEY_EXAMPLE}
        return None

    def _read(self, rest: dict[str, Any]) -> ToolCall:
        known = {*self.params, *_names(self.fields)} - self.omits
        faults = unknown_fields(
            ((shown(name), rest[name]) for name in sorted(rest.keys() - known)), known
        )
        faults += self._faults_of_path(rest)
        faults += _faults_of_text({name: one for name, one in rest.items() if name in known})
        if faults:
            raise _refusal(faults)
        path = next(one for one in self.paths if {*_PARAM.findall(one)} <= rest.keys())
        named = {name: rest.pop(name) for name in _PARAM.findall(path)}
        query = {name: _text(value) for name, value in rest.items() if value is not None}
        return ToolCall(_route("GET", path), _ids(named), {}, {**self.fills, **query}, None)

    def _faults_of_path(self, given: Mapping[str, Any]) -> list[FieldEntry]:
        params = self.params
        if self.other_path is None:
            missing = [name for name in params if name not in given]
            return [{"param": name, "detail": "is required"} for name in missing]
        if len(given.keys() & {*params}) == 1:
            return []
        return [{"param": params[0], "detail": f"give one of {' and '.join(params)}"}]


def _ids(named: Mapping[str, Any]) -> Mapping[str, str]:
    values = {name: str(value) for name, value in named.items()}
    # A path has no parameter with a slash.
    if any("/" in value for value in values.values()):
        raise NotFound("Transaction" if "transaction_id" in values else "Endpoint")
    return values


def _faults_of_text(given: Mapping[str, Any]) -> list[FieldEntry]:
    return [
        {"param": name, "detail": "expected a string or a number"}
        for name, value in given.items()
        if not isinstance(value, str | int | None)
    ]


def _refusal(faults: list[FieldEntry]) -> InvalidInput:
    first = faults[0]
    return InvalidInput(f"{first['param']}: {first['detail']}", param=first["param"], errors=faults)


def _faults_of_body(
    route: Route, body: Mapping[str, Any], environment: str | None
) -> list[FieldEntry]:
    try:
        route.body_shape.decode(_encode(body), environment)
    except InvalidInput as error:
        return list(error.extra.get("errors", ()))
    return []


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _names(fields: type[Fields]) -> frozenset[str]:
    return frozenset(one.encode_name for one in msgspec.structs.fields(fields))


@cache
def _route(method: str, path: str) -> Route:
    router = Router((API, x402.SURFACE))
    found = router.find(API_PREFIX + path) or router.find(path)
    assert found is not None, f"no route {path}"
    return found[0].route(method)
