from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.register_body_filter_type_0_additional_property_type_1 import (
        RegisterBodyFilterType0AdditionalPropertyType1,
    )


T = TypeVar("T", bound="RegisterBodyFilterType0")


@_attrs_define
class RegisterBodyFilterType0:
    """Only events whose data matches are sent: by path, the values that it may have, or bounds, such as {"platform":
    ["claude"], "amount_cents": {"gte": 1000}}; null: all.

    """

    additional_properties: dict[
        str, list[bool | int | None | str] | RegisterBodyFilterType0AdditionalPropertyType1
    ] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:

        field_dict: dict[str, Any] = {}
        for prop_name, prop in self.additional_properties.items():
            if isinstance(prop, list):
                field_dict[prop_name] = []
                for additional_property_type_0_item_data in prop:
                    additional_property_type_0_item: bool | int | None | str
                    additional_property_type_0_item = additional_property_type_0_item_data
                    field_dict[prop_name].append(additional_property_type_0_item)

            else:
                field_dict[prop_name] = prop.to_dict()

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.register_body_filter_type_0_additional_property_type_1 import (
            RegisterBodyFilterType0AdditionalPropertyType1,  # noqa: PLC0415
        )

        d = dict(src_dict)
        register_body_filter_type_0 = cls()

        additional_properties = {}
        for prop_name, prop_dict in d.items():

            def _parse_additional_property(
                data: object,
            ) -> list[bool | int | None | str] | RegisterBodyFilterType0AdditionalPropertyType1:
                try:
                    if not isinstance(data, list):
                        raise TypeError()
                    additional_property_type_0 = []
                    _additional_property_type_0 = data
                    for additional_property_type_0_item_data in _additional_property_type_0:

                        def _parse_additional_property_type_0_item(
                            data: object,
                        ) -> bool | int | None | str:
                            if data is None:
                                return data
                            return cast(bool | int | None | str, data)

                        additional_property_type_0_item = _parse_additional_property_type_0_item(
                            additional_property_type_0_item_data
                        )

                        additional_property_type_0.append(additional_property_type_0_item)

                    return additional_property_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                additional_property_type_1 = (
                    RegisterBodyFilterType0AdditionalPropertyType1.from_dict(data)
                )

                return additional_property_type_1

            additional_property = _parse_additional_property(prop_dict)

            additional_properties[prop_name] = additional_property

        register_body_filter_type_0.additional_properties = additional_properties
        return register_body_filter_type_0

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(
        self, key: str
    ) -> list[bool | int | None | str] | RegisterBodyFilterType0AdditionalPropertyType1:
        return self.additional_properties[key]

    def __setitem__(
        self,
        key: str,
        value: list[bool | int | None | str] | RegisterBodyFilterType0AdditionalPropertyType1,
    ) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
