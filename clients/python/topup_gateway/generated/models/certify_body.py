from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CertifyBody")


@_attrs_define
class CertifyBody:
    """Where the receiver says how much it has done; without it, what cannot be seen is said so."""

    effects_url: None | str | Unset = UNSET
    """ Answers a GET with a whole number that each top-up moves by the same, such as a count of orders: 12 or
    {"effects": 12}. """

    def to_dict(self) -> dict[str, Any]:
        effects_url: None | str | Unset
        if isinstance(self.effects_url, Unset):
            effects_url = UNSET
        else:
            effects_url = self.effects_url

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if effects_url is not UNSET:
            field_dict["effects_url"] = effects_url

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_effects_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        effects_url = _parse_effects_url(d.pop("effects_url", UNSET))

        certify_body = cls(
            effects_url=effects_url,
        )

        return certify_body
