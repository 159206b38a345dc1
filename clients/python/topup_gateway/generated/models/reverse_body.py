from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ReverseBody")


@_attrs_define
class ReverseBody:
    """Why; the event and the history tell it."""

    reason: str
    """ Why it is taken back, in your words; topup.reversed carries it. """

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reason = d.pop("reason")

        reverse_body = cls(
            reason=reason,
        )

        return reverse_body
