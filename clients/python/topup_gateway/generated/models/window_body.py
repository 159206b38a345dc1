from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="WindowBody")


@_attrs_define
class WindowBody:
    """At most so many cents in any so many seconds."""

    seconds: int
    """ The length of the window, in seconds. """
    cents: int
    """ The most in any window of that length, in US cents. """

    def to_dict(self) -> dict[str, Any]:
        seconds = self.seconds

        cents = self.cents

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "seconds": seconds,
                "cents": cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        seconds = d.pop("seconds")

        cents = d.pop("cents")

        window_body = cls(
            seconds=seconds,
            cents=cents,
        )

        return window_body
