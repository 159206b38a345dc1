"""Convert rows to objects and back. Each class whose fields are columns has one mapping.

    _ROWS = RowMapping(TopUp, stored={"spent_by": WORDS_OR_NULL, "metadata": as_json(dict[str, str])})

    found = await tx.fetch(f"SELECT {_ROWS.listed} FROM topups WHERE ...")
    topups = [_ROWS.read(row) for row in found]
    await tx.insert("topups", _ROWS.columns, [_ROWS.write(one) for one in topups])

`stored` names the fields that are stored in another form. A bool is always stored as 0 or 1. Rows are read by
position, so a SELECT must begin with `listed` or `of(…)`.
"""

import dataclasses
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import (
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from store.database import Row, Transaction

T = TypeVar("T")


class Conversion(NamedTuple):
    """How a field is stored: the column's type, and functions that read and write its value."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    kind: Literal["text", "bigint", "bytes"] = "text"


FLAG = Conversion(bool, int, "bigint")
# Several words or whole numbers are stored as one text, separated by spaces. WORDS_OR_NULL stores an empty tuple
# as null.
WORDS = Conversion(lambda text: tuple(text.split()), " ".join)
WORDS_OR_NULL = Conversion(
    lambda text: tuple(text.split()) if text else (), lambda words: " ".join(words) or None
)
NUMBERS = Conversion(
    lambda text: tuple(map(int, text.split())), lambda numbers: " ".join(map(str, numbers))
)
NULL_AS_ZERO = Conversion(lambda number: number or 0, lambda number: number or None, "bigint")


def as_json(kind: Any) -> Conversion:
    decode = msgspec.json.Decoder(kind).decode
    encode = msgspec.json.Encoder().encode
    return Conversion(
        lambda text: None if text is None else decode(text),
        lambda value: None if value is None else encode(value).decode(),
    )


class Columns(Generic[T]):
    """A class's fields as columns. `write` returns an object's stored values in the columns' order.

    - listed: the columns for a SELECT.
    - typed: the columns for a list of rows (:rows[...]).
    - assigned: the columns for an UPDATE from such a list with the alias v.
    """

    def __init__(
        self,
        names: Sequence[str],
        values_of: Callable[[T], Sequence[Any]],
        conversions: Mapping[str, Conversion],
        kinds: Mapping[str, str],
    ) -> None:
        self.columns = tuple(names)
        self.listed = ", ".join(names)
        self.typed = ", ".join(f"{name} {kinds[name]}" for name in names)
        self.assigned = ", ".join(f"{name} = v.{name}" for name in names)
        self.write = _writer(names, values_of, conversions)

    def of(self, alias: str, **computed: str) -> str:
        """Return `listed` for a table's alias. Expressions in `computed` replace columns."""
        return ", ".join(
            f"{computed[name]} AS {name}" if name in computed else f"{alias}.{name}"
            for name in self.columns
        )


class RowMapping(Columns[T]):
    """The fields of a struct, a dataclass or a named tuple as columns.

    `without` names fields that aren't columns. These fields need a default. TypeError is raised for an unknown name,
    and for a field that no column can store.
    """

    def __init__(
        self,
        cls: type[T],
        *,
        stored: Mapping[str, Conversion] | None = None,
        without: Collection[str] = (),
    ) -> None:
        names, values_of = _fields_of(cls)
        if without:
            names = tuple(name for name in names if name not in without)
            values_of = attrgetter(*names)
        hints = get_type_hints(cls)
        flags = {name: FLAG for name in names if hints[name] is bool}
        self._conversions: Mapping[str, Conversion] = {**flags, **(stored or {})}
        self._kinds = {
            name: self._conversions[name].kind
            if name in self._conversions
            else _kind_of(hints[name], f"{cls.__name__}.{name}")
            for name in names
        }
        if unknown := self._conversions.keys() - set(names):
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        super().__init__(names, values_of, self._conversions, self._kinds)
        self.read = _reader(cls, names, self._conversions)

    def part(self, *names: str) -> Columns[T]:
        """Return some of the columns for an UPDATE. There must be at least two."""
        return Columns(names, attrgetter(*names), self._conversions, self._kinds)


def _fields_of(cls: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], Sequence[Any]]]:
    if issubclass(cls, msgspec.Struct):
        return cls.__struct_fields__, msgspec.structs.astuple
    if dataclasses.is_dataclass(cls):
        names = tuple(field.name for field in dataclasses.fields(cls))
        return names, attrgetter(*names)
    return cls._fields, tuple


def _writer(
    names: Sequence[str],
    values_of: Callable[[T], Sequence[Any]],
    conversions: Mapping[str, Conversion],
) -> Callable[[T], Sequence[Any]]:
    writes = {f"write_{name}": conversions[name].write for name in names if name in conversions}
    if not writes:
        return values_of
    # Generated code is twice as fast as replacing values in a tuple. All names come from our own classes.
    fields = (
        f"write_{name}(one.{name})" if name in conversions else f"one.{name}" for name in names
    )
    return cast(
        Callable[[T], Sequence[Any]],
        eval(f"lambda one: ({', '.join(fields)},)", writes),  # noqa: S307
    )


def _reader(
    cls: type[T], names: Sequence[str], conversions: Mapping[str, Conversion]
) -> Callable[[Row], T]:
    def by_name(*values: Any) -> T:
        return cls(**dict(zip(names, values, strict=True)))

    whole = slice(len(names))
    converted = [
        (place, conversions[name].read) for place, name in enumerate(names) if name in conversions
    ]
    make = cls if cast(Any, cls).__match_args__ == tuple(names) else by_name
    if not converted:
        return lambda row: make(*row[whole])

    def read(row: Row) -> T:
        values = [*row[whole]]
        for place, convert in converted:
            values[place] = convert(values[place])
        return make(*values)

    return read


def _kind_of(hint: Any, field: str) -> str:
    if get_origin(hint) in {Union, types.UnionType}:
        known = [each for each in get_args(hint) if each is not types.NoneType]
        hint = known[0] if len(known) == 1 else hint
    if isinstance(hint, NewType):
        hint = hint.__supertype__
    if get_origin(hint) is Literal:
        hint = type(get_args(hint)[0])
    kinds = {str: "text", int: "bigint", bytes: "bytes"}
    if hint not in kinds:
        raise TypeError(f"{field} needs a word on how {hint} is stored")
    return kinds[hint]


async def update(
    tx: Transaction, table: str, key: Mapping[str, Any], columns: Mapping[str, Any]
) -> int:
    """Update the rows with this key, and return how many were updated. The update may change the key's columns."""
    assigned = ", ".join(f"{name} = :new_{name}" for name in columns)
    found = " AND ".join(f"{name} = :old_{name}" for name in key)
    return await tx.execute(
        f"UPDATE {table} SET {assigned} WHERE {found}",
        **{f"new_{name}": value for name, value in columns.items()},
        **{f"old_{name}": value for name, value in key.items()},
    )
