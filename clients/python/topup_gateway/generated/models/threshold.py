from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Threshold")


@_attrs_define
class Threshold:
    """When balance.low fires: the highest threshold, 0 for none, and all of them, the highest first."""

    low_balance_threshold_cents: int
    """ In US cents. """
    low_balance_thresholds_cents: list[int]
    """ When balance.low is sent, the highest first, in US cents. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        low_balance_threshold_cents = self.low_balance_threshold_cents

        low_balance_thresholds_cents = self.low_balance_thresholds_cents

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "low_balance_threshold_cents": low_balance_threshold_cents,
                "low_balance_thresholds_cents": low_balance_thresholds_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        low_balance_threshold_cents = d.pop("low_balance_threshold_cents")

        low_balance_thresholds_cents = cast(list[int], d.pop("low_balance_thresholds_cents"))

        threshold = cls(
            low_balance_threshold_cents=low_balance_threshold_cents,
            low_balance_thresholds_cents=low_balance_thresholds_cents,
        )

        threshold.additional_properties = d
        return threshold

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
