from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="RechargeCharge")


@_attrs_define
class RechargeCharge:
    """The outcome of one drop of the balance. reason: why the charge was declined; url: where a person
    confirms it.

    """

    order_id: str
    """ The order's id. """
    amount_cents: int
    """ In US cents. """
    method: str
    """ The means of payment, as its owner knows it. """
    month: str
    """ That it counts against, such as 2026-11. """
    reason: None | str
    """ Why it was declined; null: it was not. """
    url: None | str
    """ Where a person confirms it; null: nobody need. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_id = self.order_id

        amount_cents = self.amount_cents

        method = self.method

        month = self.month

        reason: None | str
        reason = self.reason

        url: None | str
        url = self.url

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_id": order_id,
                "amount_cents": amount_cents,
                "method": method,
                "month": month,
                "reason": reason,
                "url": url,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        order_id = d.pop("order_id")

        amount_cents = d.pop("amount_cents")

        method = d.pop("method")

        month = d.pop("month")

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        recharge_charge = cls(
            order_id=order_id,
            amount_cents=amount_cents,
            method=method,
            month=month,
            reason=reason,
            url=url,
            created_at=created_at,
        )

        recharge_charge.additional_properties = d
        return recharge_charge

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
