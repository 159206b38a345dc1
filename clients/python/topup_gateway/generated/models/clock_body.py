from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ClockBody")


@_attrs_define
class ClockBody:
    """How far the account's clock goes on, in seconds."""

    advance_s: int
    """ How far the clock goes on, in seconds. """

    def to_dict(self) -> dict[str, Any]:
        advance_s = self.advance_s

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "advance_s": advance_s,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        advance_s = d.pop("advance_s")

        clock_body = cls(
            advance_s=advance_s,
        )

        return clock_body
