"""Decode bodies and query parameters into msgspec structs, and name every bad field.

Types are never converted and unknown fields are refused, so a typo can't spend money.
"""

import functools
from collections.abc import Collection, Mapping
from functools import reduce
from itertools import islice
from operator import or_
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    TypeVar,
    Union,
    get_args,
    get_origin,
)
from urllib.parse import parse_qsl

import msgspec

from gateway.http.strict_json import (
    ERRORS_MAX,
    has_control,
    has_unique_names,
    is_doubtful,
    parse,
    shown,
)
from kernel.errors import DomainError, InvalidInput, UnknownCursor
from kernel.fields import Fields
from kernel.ids import decode
from kernel.limits import BODY_BYTES_MAX
from kernel.problems import (
    FieldEntry,
    problem_of,
    problem_sentence,
    unknown_fields,
)
from store.keyset import OLDEST_FIRST, Begin, ListPlace

QUERY_BYTES_MAX = 4096
QUERY_FIELDS_MAX = 50


class EnvironmentMismatch(DomainError):
    pass


F = TypeVar("F", bound=Fields)

_encode_canonical = msgspec.json.Encoder(order="deterministic").encode


class Shape(Generic[F]):
    def __init__(self, struct: type[F]) -> None:
        self.struct = struct
        self._decode = msgspec.json.Decoder(struct).decode
        self._types = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        self._of_text = {name: _without_null(kept.type) for name, kept in self._types.items()}
        self._lists = [name for name, kind in self._of_text.items() if _is_list(kind)]
        self._choice = struct.exactly_one
        self._is_loose = not struct.__struct_config__.forbid_unknown_fields

    def decode(self, raw: bytes, environment: str | None) -> F:
        if not is_doubtful(raw):
            try:
                body = self._decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass  # the slow way says what is wrong, in all its fields
            else:
                # The decoder silently uses the last of two values under one name.
                if has_unique_names(raw) and self._is_one_given(body):
                    return body
        value = parse(raw)
        if not isinstance(value, dict):
            raise InvalidInput("The body must be a JSON object.")
        return self._convert(value, environment, is_strict=True)

    def of_query(self, query: bytes, environment: str | None) -> F:
        return self._convert(_pairs(query, lists=self._lists), environment, is_strict=False)

    def of_form(self, raw: bytes, environment: str | None) -> F:
        return self._convert(_pairs(raw, BODY_BYTES_MAX), environment, is_strict=False)

    def of_texts(self, values: dict[str, Any], environment: str | None) -> F:
        return self._convert(values, environment, is_strict=False)

    def empty(self) -> F:
        return self._convert({}, None, is_strict=True)

    def _is_one_given(self, body: F) -> bool:
        if self._choice is None:
            return True
        one, other = self._choice
        return (getattr(body, one) is None) is not (getattr(body, other) is None)

    def _convert(self, value: dict[str, Any], environment: str | None, *, is_strict: bool) -> F:
        if environment is not None and "environment" in value.keys() - self._types.keys():
            _check_environment(value.pop("environment"), environment)
        unknown = () if self._is_loose else (name for name in value if name not in self._types)
        # A body may consist of such names, and each takes time to show.
        told = ((shown(name), value[name]) for name in islice(unknown, ERRORS_MAX))
        problems = unknown_fields(told, self._types)
        meant = {one.get("did_you_mean") for one in problems}
        for name, field in self._types.items():
            if name not in value:
                if field.required and name not in meant:
                    problems.append({"param": name, "detail": "is required"})
                continue
            try:
                kind = field.type if is_strict else self._of_text[name]
                msgspec.convert(value[name], kind, strict=is_strict)
            except msgspec.ValidationError as error:
                problems.append(problem_of(name, str(error), field.type, value[name], show=shown))
        if self._choice is not None and not meant & {*self._choice}:
            problems += _choice_problems(value, *self._choice)
        if problems:
            first = problems[0]
            raise InvalidInput(
                f"{first['param']}: {first['detail']}",
                param=first["param"],
                errors=problems[:ERRORS_MAX],
            )
        try:
            return msgspec.convert(value, self.struct, strict=is_strict)
        except msgspec.ValidationError as error:
            raise InvalidInput(problem_sentence(str(error))) from None


@functools.cache
def shape_of(struct: type[Fields]) -> Shape[Fields]:
    """Return the struct's shape, made once [0.2 ms each]."""
    return Shape(struct)


def _choice_problems(value: Mapping[str, Any], one: str, other: str) -> list[FieldEntry]:
    has_one = value.get(one) is not None
    if has_one is not (value.get(other) is not None):
        return []
    if has_one:
        return [{"param": other, "detail": f"cannot be given together with {one}"}]
    return [{"param": one, "detail": f"is required where {other} is not given"}]


def canonical(fields: Fields) -> bytes:
    return _encode_canonical(fields)


def cursor_id(text: str | None, prefix: str) -> str | None:
    """Return the ID after which a list continues, None at its start."""
    if text is None:
        return None
    kind, _, number = text.partition("_")
    try:
        decode(number)
    except ValueError:
        kind = ""
    if kind != prefix:
        raise UnknownCursor
    return text


def place_of(text: str | None, prefix: str, sorts: Collection[str]) -> Begin:
    """Return where a page begins, by a cursor that begins with the order: `-amount.txn_…`."""
    sort, _, id_ = (text or "").partition(".")
    if sort.removeprefix("-") not in sorts or sort == f"-{OLDEST_FIRST}":
        return cursor_id(text, prefix)
    return ListPlace(sort, cursor_id(id_ or None, prefix))


def cursor_after(begin: Begin, id_: str) -> str:
    return f"{begin.sort}.{id_}" if isinstance(begin, ListPlace) else id_


def _pairs(
    query: bytes, bytes_max: int = QUERY_BYTES_MAX, *, lists: Collection[str] = ()
) -> dict[str, Any]:
    if len(query) > bytes_max:
        raise InvalidInput(f"The parameters are longer than {bytes_max} bytes.")
    try:
        listed = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )
    except ValueError:
        raise InvalidInput("The parameters are not percent-encoded UTF-8.") from None
    found: dict[str, Any] = {}
    for name, value in listed:
        if name in found and name not in lists:
            raise InvalidInput(f"{shown(name)} appears twice.", param=shown(name))
        if has_control(value) or has_control(name):
            raise InvalidInput(f"{shown(name)} contains control characters.", param=shown(name))
        found[name] = [*found.get(name, ()), value] if name in lists else value
    return found


def _check_environment(named: Any, environment: str) -> None:
    if not isinstance(named, str):
        raise InvalidInput("The environment must be a string.", param="environment")
    if named != environment:
        raise EnvironmentMismatch(
            f"The key belongs to {environment}. Leave environment out, or use a key of the other environment.",
            param="environment",
            reason="environment",
        )


def _is_list(kind: Any) -> bool:
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_origin(plain) is list


def _without_null(kind: Any) -> Any:
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    return reduce(or_, (part for part in get_args(kind) if part is not NoneType))
