"""Parse strict JSON, which has one reading in every language.

It refuses duplicate names, NaN, integers beyond int64, lone surrogates, control characters and more
than JSON_DEPTH_MAX levels.
"""

import contextlib
import json
import math
import re
from typing import Any, NoReturn

from kernel.errors import DomainError, InvalidInput
from kernel.limits import INT64_MAX, JSON_DEPTH_MAX
from runtime.log import mask

PARAM_CHARACTERS_MAX = 64
ERRORS_MAX = 50
# A credential that begins in the shown part ends in here.
_LOOKED_AT_CHARACTERS = 512
_FOREIGN_DEPTH_MAX = 64
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_INT64_DIGITS = 19
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NOT_A_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


class Unreadable(DomainError):
    pass


def is_doubtful(raw: bytes) -> bool:
    """Return whether a fast decoder's result needs a second check: for escapes and control
    characters.
    """
    return b"\\" in raw or b"\x7f" in raw or b"\xc2" in raw


def has_unique_names(raw: bytes) -> bool:
    """Return whether no name occurs twice in a JSON text that isn't doubtful.

    Also False if two objects share a name; parse() distinguishes the two.
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
    """Raise if an object has one name twice or is nested too deep."""
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
    """Return a caller's field name, with a credential in its place masked."""
    # Cut first, because it may be as long as a body.
    looked_at = name[:_LOOKED_AT_CHARACTERS]
    plain = _CONTROL.sub("?", looked_at.encode("ascii", "backslashreplace").decode())
    if len(name) > len(looked_at):
        # A password ends at the @ after it, which may have been cut off.
        plain += "@"
    return mask(plain)[:PARAM_CHARACTERS_MAX]


def has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_deeper(raw: bytes, most: int) -> bool:
    """Return whether brackets outside strings are nested deeper.

    Escapes go first, so that each quotation mark begins or ends a string. Then the innermost pairs
    go, once for each level.
    """
    plain = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(plain.split(b'"')[::2]).translate(_ONE_KIND, _NOT_A_BRACKET)
    for _ in range(most):
        brackets, before = brackets.replace(b"[]", b""), brackets
        if len(brackets) == len(before):
            break
    # A remaining pair lies too deep; without one, what is left was never closed.
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
    # Python's cost grows with the square of the digits.
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
