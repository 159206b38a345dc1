"""Name each struct's schema: the same for the same struct, whatever others there are.

Ours is the class's name. A dialect's struct has the dialect before it (NewapiRefused), an event's data has
EventData behind it, a page of a list is TopUpPage.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import inspect

from gateway.answers.outcome import Listing
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
    """Begin a generic struct's name with its argument's."""
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
