"""Filter an endpoint's events by values in their `data`.

    {"platform": ["claude", "gemini"], "amount_cents": {"gte": 1000}, "metadata.shop": ["eu"]}

Each name is a path into `data`. All conditions must match, and a missing path never matches. A filter only sees
the stored body, so it can't match hidden codes or links.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from kernel.errors import InvalidInput
from kernel.limits import INT64_MAX

PATHS_MAX: Final = 10
PATH_CHARACTERS_MAX: Final = 200
VALUES_MAX: Final = 50
VALUE_CHARACTERS_MAX: Final = 256
_STEPS_MAX: Final = 5
_PATH: Final = re.compile(rf"[\w-]{{1,64}}(?:\.[\w-]{{1,64}}){{0,{_STEPS_MAX - 1}}}", re.ASCII)
# Up to _KEPT_MAX parsed filters are cached, because each batch of events reads them.
FILTER_BYTES_MAX: Final = 4_000
_KEPT_MAX: Final = 1024
_ABSENT: Final = object()
_encode = msgspec.json.Encoder(order="sorted").encode


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An inclusive range; None means no bound."""

    gte: int | None = None
    lte: int | None = None

    def holds(self, value: object) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return (self.gte is None or value >= self.gte) and (self.lte is None or value <= self.lte)


class OneOf(tuple[Any, ...]):
    __slots__ = ()

    def holds(self, value: object) -> bool:
        # In Python, True equals 1, but not in JSON.
        return any(type(one) is type(value) and one == value for one in self)


class PayloadFilter:
    def __init__(self, wanted: Mapping[str, Bounds | OneOf]) -> None:
        self._wanted = [(path.split("."), condition) for path, condition in wanted.items()]

    def matches(self, data: Mapping[str, Any]) -> bool:
        return all(condition.holds(_found(data, steps)) for steps, condition in self._wanted)


def check_filter(wanted: Mapping[str, Any] | None) -> str | None:
    """Return the filter as JSON text to store. Raise InvalidInput if it isn't valid."""
    if wanted is None:
        return None
    if not 1 <= len(wanted) <= PATHS_MAX:
        raise InvalidInput(
            f"A filter must have 1 to {PATHS_MAX} paths. To remove the filter, send null.",
            param="filter",
        )
    for path, condition in wanted.items():
        if len(path) > PATH_CHARACTERS_MAX or _PATH.fullmatch(path) is None:
            raise InvalidInput(
                f"A path must be 1 to {_STEPS_MAX} field names of `data`, joined by dots, such "
                "as metadata.shop.",
                param="filter",
            )
        _check_condition(path, condition)
    stored = _encode(dict(wanted))
    if len(stored) > FILTER_BYTES_MAX:
        raise InvalidInput(
            f"A filter can have at most {FILTER_BYTES_MAX:,} bytes of JSON.", param="filter"
        )
    return stored.decode()


def shown(stored: str | None) -> dict[str, Any] | None:
    return None if stored is None else dict(msgspec.json.decode(stored))


@lru_cache(maxsize=_KEPT_MAX)
def payload_filter(stored: str) -> PayloadFilter:
    return PayloadFilter(
        {path: _condition(value) for path, value in msgspec.json.decode(stored).items()}
    )


def data_of(body: bytes) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.json.decode(body)["data"]
    return found


def _condition(value: Any) -> Bounds | OneOf:
    return OneOf(value) if isinstance(value, list) else msgspec.convert(value, Bounds)


def _check_condition(path: str, condition: object) -> None:
    if isinstance(condition, Sequence) and not isinstance(condition, str):
        if not 1 <= len(condition) <= VALUES_MAX or not all(map(_is_value, condition)):
            raise InvalidInput(
                f"The list for `{path}` must have 1 to {VALUES_MAX} values: texts of at most "
                f"{VALUE_CHARACTERS_MAX} characters, whole numbers, true, false or null.",
                param="filter",
            )
        return
    if not isinstance(condition, Mapping) or not _is_bounds(condition):
        raise InvalidInput(
            f'`{path}` must be a list of values, or bounds such as {{"gte": 1000, "lte": 5000}}.',
            param="filter",
        )


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= VALUE_CHARACTERS_MAX
    return value is None or isinstance(value, bool) or _is_whole(value)


def _is_bounds(condition: Mapping[Any, Any]) -> bool:
    known = bool(condition) and condition.keys() <= {"gte", "lte"}
    return known and all(map(_is_whole, condition.values()))


def _is_whole(value: object) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and -INT64_MAX - 1 <= value <= INT64_MAX  # type: ignore[operator]


def _found(data: Mapping[str, Any], steps: Sequence[str]) -> object:
    found: Any = data
    for step in steps:
        if not isinstance(found, Mapping) or step not in found:
            return _ABSENT
        found = found[step]
    return found
