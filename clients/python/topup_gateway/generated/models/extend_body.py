from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ExtendBody")


@_attrs_define
class ExtendBody:
    """For how long from now it is set aside; it never ends earlier than it would have."""

    ttl_s: int | Unset = UNSET
    """ In seconds, from now. Default: 900. """

    def to_dict(self) -> dict[str, Any]:
        ttl_s = self.ttl_s

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if ttl_s is not UNSET:
            field_dict["ttl_s"] = ttl_s

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ttl_s = d.pop("ttl_s", UNSET)

        extend_body = cls(
            ttl_s=ttl_s,
        )

        return extend_body
