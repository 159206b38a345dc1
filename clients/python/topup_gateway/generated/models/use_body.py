from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="UseBody")


@_attrs_define
class UseBody:
    """How many uses; one reference counts once, however often it is told."""

    reference: str
    """ Your own name for this use: each counts once. """
    count: int | Unset = UNSET
    """ How many uses it is. Default: 1. """

    def to_dict(self) -> dict[str, Any]:
        reference = self.reference

        count = self.count

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reference": reference,
            }
        )
        if count is not UNSET:
            field_dict["count"] = count

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reference = d.pop("reference")

        count = d.pop("count", UNSET)

        use_body = cls(
            reference=reference,
            count=count,
        )

        return use_body
