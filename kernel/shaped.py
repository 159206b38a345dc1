"""What callers see of the objects that hold the values: structs, or their own fields."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final, Self

import msgspec

from kernel.clock import rfc3339

# For the documents: a whole number that may be below zero, such as a transfer's effect on a balance. Without
# it a number is taken to be 0 or more. Meta(extra_json_schema=SIGNED)
SIGNED: Final = {"x-signed": True}


class Shaped(msgspec.Struct, kw_only=True):
    """What an answer or an event contains, filled by the names of its fields."""

    @classmethod
    def of(cls, source: Any, /, **more: Any) -> Self:
        """Fill each required field from the source's attribute of that name, or from `more`.

        A field …_at is in microseconds there and RFC 3339 here. A field with a default is set only by `more`.
        """
        for name, is_time in _required(cls):
            if name not in more:
                value = getattr(source, name)
                more[name] = rfc3339(value) if is_time and value is not None else value
        return cls(**more)


def to_builtins(view: Any) -> Any:
    """Return what a door shows as plain values; stored bytes are decoded."""
    return msgspec.json.decode(view) if isinstance(view, msgspec.Raw) else msgspec.to_builtins(view)


def shown(row: msgspec.Struct, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Return a row's fields as answers have them: is_active as active, a time …_at in RFC 3339."""
    return {
        name.removeprefix("is_"): rfc3339(value)
        if name.endswith("_at") and value is not None
        else value
        for name, value in msgspec.structs.asdict(row).items()
        if name not in without
    }


@cache
def _required(kind: type[Shaped]) -> Sequence[tuple[str, bool]]:
    """Return the names of the required fields, and whether each is a time."""
    return [
        (field.name, field.name.endswith("_at"))
        for field in msgspec.structs.fields(kind)
        if field.required
    ]
