"""Decode bodies and query parameters into msgspec structs, and report every wrong field.

Types aren't converted and unknown fields are refused, so that a typo can't spend money.
"""

import contextlib
import functools
import json
import math
from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, NoReturn, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec

from gateway.http.body import CONTROL, has_control
from kernel.errors import DomainError, InvalidInput, UnknownCursor
from kernel.fields import Fields
from kernel.ids import decode
from kernel.limits import BODY_BYTES_MAX, INT64_MAX, JSON_DEPTH_MAX
from kernel.problems import FieldEntry, problem_of, problem_sentence, unknown_fields
from runtime.log import mask
from store.keyset import OLDEST_FIRST, Begin, ListPlace

PARAM_CHARACTERS_MAX = 64
ERRORS_MAX = 50
# A credential that begins in the displayed part ends within this length.
_LOOKED_AT_CHARACTERS = 512
_FOREIGN_DEPTH_MAX = 64
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_INT64_DIGITS = 19
_NOT_A_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


class Unreadable(DomainError):
    pass


def is_doubtful(raw: bytes) -> bool:
    """Return whether the fast decoder's result needs another check, because of escapes or control characters."""
    return b"\\" in raw or b"\x7f" in raw or b"\xc2" in raw


def has_unique_names(raw: bytes) -> bool:
    """Return whether each name occurs only once in the JSON text. Call this only if is_doubtful returned False.

    The result is also False if two objects use the same name. parse() tells these cases apart.
    """
    parts = raw.split(b'"')
    strings = parts[1::2]
    if len(set(strings)) == len(strings):
        return True
    names = [
        parts[at]
        for at in range(1, len(parts) - 1, 2)
        if parts[at + 1][:1] == b":" or parts[at + 1].lstrip()[:1] == b":"
    ]
    return len(set(names)) == len(names)


def refuse_repeated_names(raw: bytes) -> None:
    """Raise an error if an object has the same name twice, or is nested too deeply."""
    if b"\\" not in raw and has_unique_names(raw):
        return
    if _is_deeper(raw, _FOREIGN_DEPTH_MAX):
        raise Unreadable(f"The body is nested deeper than {_FOREIGN_DEPTH_MAX} levels.")
    with contextlib.suppress(ValueError):
        json.loads(raw, object_pairs_hook=_object, parse_int=_integer)


def parse(raw: bytes) -> Any:
    if raw.startswith(_BYTE_ORDER_MARKS):
        raise Unreadable("The body begins with a byte order mark. Send plain UTF-8.")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8 at byte {error.start}.") from None
    if _is_deeper(raw, JSON_DEPTH_MAX):
        raise Unreadable(f"The body is nested deeper than {JSON_DEPTH_MAX} levels.")
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    problems: list[dict[str, str]] = []
    _inspect(value, (), problems)
    if problems:
        raise InvalidInput(
            problems[0]["detail"], param=problems[0]["param"], errors=problems[:ERRORS_MAX]
        )
    return value


def shown(name: str) -> str:
    """Return a caller's field name for display. If it is a credential, it is masked."""
    # Cut the name first, because it may be as long as the body.
    looked_at = name[:_LOOKED_AT_CHARACTERS]
    plain = CONTROL.sub("?", looked_at.encode("ascii", "backslashreplace").decode())
    if len(name) > len(looked_at):
        # A password in a URL ends at the @ that follows, which may have been cut off.
        plain += "@"
    return mask(plain)[:PARAM_CHARACTERS_MAX]


def is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_deeper(raw: bytes, most: int) -> bool:
    """Return whether brackets outside strings are nested deeper than `most`.

    First, escapes are removed, so that each quotation mark begins or ends a string. Then innermost pairs are
    removed, level by level.
    """
    plain = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(plain.split(b'"')[::2]).translate(_ONE_KIND, _NOT_A_BRACKET)
    for _ in range(most):
        brackets, before = brackets.replace(b"[]", b""), brackets
        if len(brackets) == len(before):
            break
    # A remaining pair is too deep. If there is none, the remaining brackets were never closed.
    return b"[]" in brackets or brackets.startswith(b"[" * (most + 1))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput("The field appears twice.", param=shown(name))
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not JSON.")


def _integer(digits: str) -> int:
    # Python's cost for parsing an integer grows with the square of its length.
    return int(digits) if len(digits) <= _INT64_DIGITS + 1 else INT64_MAX + 1


def _inspect(value: Any, path: tuple[str | int, ...], problems: list[dict[str, str]]) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _inspect(name, (*path, name), problems)
            _inspect(item, (*path, name), problems)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _inspect(item, (*path, index), problems)
    else:
        detail = _flaw(value)
        if detail is not None and len(problems) < ERRORS_MAX:
            problems.append({"param": _place(path), "detail": detail})


def _place(path: tuple[str | int, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def _flaw(value: Any) -> str | None:
    if isinstance(value, str):
        if not is_unicode(value):
            return "half of a surrogate pair is not a character"
        return "control characters are not allowed" if has_control(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "the number is too large"
    if isinstance(value, int) and not -INT64_MAX - 1 <= value <= INT64_MAX:
        return "the integer is beyond 64 bits"
    return None


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
                pass
            else:
                # The decoder would silently use the last of several values with the same name.
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
        unknown = [] if self._is_loose else [name for name in value if name not in self._types]
        problems: list[FieldEntry] = []
        if unknown:
            # Show only a few, because a body can have many and each takes time.
            told = ((shown(name), value[name]) for name in unknown[:ERRORS_MAX])
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
    """Return the ID after which a list continues, or None for its start."""
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
    """Return where a page begins. The cursor can start with the sort order, such as `-amount.txn_…`."""
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
            f"The key is for {environment}. Omit `environment`, or use a key of the other environment.",
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
