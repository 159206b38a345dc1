"""What readers outside see of the objects that hold the values: structs, or their own fields."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final, Self

import msgspec

from kernel.clock import rfc3339

# For the documents: a whole number that may be below zero, such as what a transfer did to a balance.
# Any other is none, which its struct need not say. Meta(extra_json_schema=SIGNED)
SIGNED: Final = {"x-signed": True}


class Shaped(msgspec.Struct, kw_only=True):
    """What an answer or an event carries, made by the names of its fields."""

    @classmethod
    def of(cls, source: Any, /, **more: Any) -> Self:
        """Each required field from the source's attribute of that name, or from more.

        A field …_at is microseconds there and RFC 3339 here; one with a default is set by more alone.
        """
        for name, is_time in _required(cls):
            if name not in more:
                value = getattr(source, name)
                more[name] = rfc3339(value) if is_time and value is not None else value
        return cls(**more)


def to_builtins(view: Any) -> Any:
    """Return what a door shows as plain values; what is kept as bytes is read."""
    return msgspec.json.decode(view) if isinstance(view, msgspec.Raw) else msgspec.to_builtins(view)


def shown(row: msgspec.Struct, *, without: Collection[str] = ()) -> dict[str, Any]:
    """A row's fields as they are told: is_active as active, a time …_at in RFC 3339."""
    return {
        name.removeprefix("is_"): rfc3339(value)
        if name.endswith("_at") and value is not None
        else value
        for name, value in msgspec.structs.asdict(row).items()
        if name not in without
    }


@cache
def _required(kind: type[Shaped]) -> Sequence[tuple[str, bool]]:
    """The names of the required fields, and whether each is a time."""
    return [
        (field.name, field.name.endswith("_at"))
        for field in msgspec.structs.fields(kind)
        if field.required
    ]
