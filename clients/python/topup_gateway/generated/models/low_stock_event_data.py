from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="LowStockEventData")


@_attrs_define
class LowStockEventData:
    """What is left of the codes of a platform and amount. Sent to operators' accounts, once until
    there are enough again.

    """

    supplier: str
    """ The supplier's name. """
    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    remaining: int
    """ Codes that can be handed out. """
    low_threshold: int
    """ Fewer than so many are few. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        supplier = self.supplier

        platform = self.platform

        amount_cents = self.amount_cents

        remaining = self.remaining

        low_threshold = self.low_threshold

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "supplier": supplier,
                "platform": platform,
                "amount_cents": amount_cents,
                "remaining": remaining,
                "low_threshold": low_threshold,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        supplier = d.pop("supplier")

        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        remaining = d.pop("remaining")

        low_threshold = d.pop("low_threshold")

        test = d.pop("test", UNSET)

        low_stock_event_data = cls(
            supplier=supplier,
            platform=platform,
            amount_cents=amount_cents,
            remaining=remaining,
            low_threshold=low_threshold,
            test=test,
        )

        low_stock_event_data.additional_properties = d
        return low_stock_event_data

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
