from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.succeeded_recharge_event_data_currency import (
    SucceededRechargeEventDataCurrency,
    check_succeeded_recharge_event_data_currency,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="SucceededRechargeEventData")


@_attrs_define
class SucceededRechargeEventData:
    """Credit that was bought by itself when the balance fell. method is as its owner knows it."""

    order_id: str
    """ The order's id. """
    amount_cents: int
    """ In US cents. """
    method: str
    """ The means of payment, as its owner knows it. """
    balance_cents: int
    """ In US cents. """
    currency: SucceededRechargeEventDataCurrency
    """ The currency, by ISO 4217. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_id = self.order_id

        amount_cents = self.amount_cents

        method = self.method

        balance_cents = self.balance_cents

        currency: str = self.currency

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_id": order_id,
                "amount_cents": amount_cents,
                "method": method,
                "balance_cents": balance_cents,
                "currency": currency,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        order_id = d.pop("order_id")

        amount_cents = d.pop("amount_cents")

        method = d.pop("method")

        balance_cents = d.pop("balance_cents")

        currency = check_succeeded_recharge_event_data_currency(d.pop("currency"))

        test = d.pop("test", UNSET)

        succeeded_recharge_event_data = cls(
            order_id=order_id,
            amount_cents=amount_cents,
            method=method,
            balance_cents=balance_cents,
            currency=currency,
            test=test,
        )

        succeeded_recharge_event_data.additional_properties = d
        return succeeded_recharge_event_data

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
