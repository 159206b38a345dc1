"""What callers see of the objects that hold the values: structs, or their own fields."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Annotated, Any, Final, Generic, Self, TypeVar

import msgspec
from msgspec import Meta

from kernel.clock import rfc3339

T = TypeVar("T")
# Tells the documents that a number may be below zero, such as a transfer's effect on a balance.
SIGNED: Final = {"x-signed": True}


class Shaped(msgspec.Struct, kw_only=True):
    @classmethod
    def of(cls, source: Any, /, **more: Any) -> Self:
        """Fill each required field from the source's attribute of that name, or from `more`.

        A field …_at is in microseconds in the source and RFC 3339 here. Only `more` sets a field with a
        default.
        """
        for name, is_time in _required(cls):
            if name not in more:
                value = getattr(source, name)
                more[name] = rfc3339(value) if is_time and value is not None else value
        return cls(**more)


class Listing(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list. Give next_cursor as cursor for the next one; null: there is none."""

    items: Annotated[list[T], Meta(description="This page's entries.")]
    next_cursor: str | None
    has_more: bool


def to_builtins(view: Any) -> Any:
    """Convert to plain values; stored bytes are decoded."""
    return msgspec.json.decode(view) if isinstance(view, msgspec.Raw) else msgspec.to_builtins(view)


def shown(row: msgspec.Struct, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Convert a row for a response: is_active as active, a time …_at in RFC 3339."""
    return {
        name.removeprefix("is_"): rfc3339(value)
        if name.endswith("_at") and value is not None
        else value
        for name, value in msgspec.structs.asdict(row).items()
        if name not in without
    }


@cache
def _required(kind: type[Shaped]) -> Sequence[tuple[str, bool]]:
    return [
        (field.name, field.name.endswith("_at"))
        for field in msgspec.structs.fields(kind)
        if field.required
    ]
