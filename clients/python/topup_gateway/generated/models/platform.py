from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.platform_fulfilment import PlatformFulfilment, check_platform_fulfilment

T = TypeVar("T", bound="Platform")


@_attrs_define
class Platform:
    """What can be topped up."""

    id: str
    """ Its name in calls. """
    name: str
    """ Its name for people. """
    min_amount_cents: int
    """ In US cents. """
    max_amount_cents: int
    """ In US cents. """
    fulfilment: PlatformFulfilment
    """ Whether the platform is credited at once or takes its time. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        min_amount_cents = self.min_amount_cents

        max_amount_cents = self.max_amount_cents

        fulfilment: str = self.fulfilment

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "min_amount_cents": min_amount_cents,
                "max_amount_cents": max_amount_cents,
                "fulfilment": fulfilment,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        min_amount_cents = d.pop("min_amount_cents")

        max_amount_cents = d.pop("max_amount_cents")

        fulfilment = check_platform_fulfilment(d.pop("fulfilment"))

        platform = cls(
            id=id,
            name=name,
            min_amount_cents=min_amount_cents,
            max_amount_cents=max_amount_cents,
            fulfilment=fulfilment,
        )

        platform.additional_properties = d
        return platform

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
