"""Define what callers see of an object: a struct, or the object's own fields."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Annotated, Any, Final, Generic, Self, TypeVar

import msgspec
from msgspec import Meta

from kernel.clock import rfc3339

T = TypeVar("T")
# This documents that a number may be below zero, such as a transfer's effect on a balance.
SIGNED: Final = {"x-signed": True}


class Shaped(msgspec.Struct, kw_only=True):
    @classmethod
    def of(cls, source: Any, /, **more: Any) -> Self:
        """Fill each required field from the source's attribute of the same name, or from `more`.

        A field …_at is in microseconds in the source, and in RFC 3339 here. A field with a default is set
        only by `more`.
        """
        for name, is_time in _required(cls):
            if name not in more:
                value = getattr(source, name)
                more[name] = rfc3339(value) if is_time and value is not None else value
        return cls(**more)


class Listing(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list. To get the next one, send next_cursor as cursor; null means that this is the last page."""

    items: Annotated[list[T], Meta(description="The items on this page.")]
    next_cursor: str | None
    has_more: bool


def to_builtins(view: Any) -> Any:
    """Convert to plain values. Stored bytes are decoded."""
    return msgspec.json.decode(view) if isinstance(view, msgspec.Raw) else msgspec.to_builtins(view)


def shown(row: msgspec.Struct, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Convert a row for a response: is_active becomes active, and a time …_at becomes RFC 3339."""
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
