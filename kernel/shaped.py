"""Structs for readers outside, made from the objects that hold the values."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Self

import msgspec

from kernel.clock import rfc3339


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


@cache
def _required(kind: type[Shaped]) -> Sequence[tuple[str, bool]]:
    """The names of the required fields, and whether each is a time."""
    return [
        (field.name, field.name.endswith("_at"))
        for field in msgspec.structs.fields(kind)
        if field.required
    ]
