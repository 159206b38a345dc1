from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.low_balance_event_data_currency import (
    LowBalanceEventDataCurrency,
    check_low_balance_event_data_currency,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="LowBalanceEventData")


@_attrs_define
class LowBalanceEventData:
    """The account's wallet, after the change that took it below the threshold."""

    balance_cents: int
    """ In US cents. """
    low_balance_threshold_cents: int
    """ In US cents. """
    currency: LowBalanceEventDataCurrency
    """ The currency, by ISO 4217. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        balance_cents = self.balance_cents

        low_balance_threshold_cents = self.low_balance_threshold_cents

        currency: str = self.currency

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "balance_cents": balance_cents,
                "low_balance_threshold_cents": low_balance_threshold_cents,
                "currency": currency,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        balance_cents = d.pop("balance_cents")

        low_balance_threshold_cents = d.pop("low_balance_threshold_cents")

        currency = check_low_balance_event_data_currency(d.pop("currency"))

        test = d.pop("test", UNSET)

        low_balance_event_data = cls(
            balance_cents=balance_cents,
            low_balance_threshold_cents=low_balance_threshold_cents,
            currency=currency,
            test=test,
        )

        low_balance_event_data.additional_properties = d
        return low_balance_event_data

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
