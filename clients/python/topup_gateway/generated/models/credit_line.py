from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.credit_line_kind import CreditLineKind, check_credit_line_kind

T = TypeVar("T", bound="CreditLine")


@_attrs_define
class CreditLine:
    """A payment, or a code or voucher that was redeemed. Of a code or a voucher no more than its end is told."""

    id: str
    """ The order's, the redemption's or the top-up's id. """
    kind: CreditLineKind
    """ What brought it. """
    number: str
    """ Of a payment the order's order_no, of a code the redemption's id, of a voucher ATU- and its last characters.
    """
    method: str
    """ How it was paid; redemption or voucher. """
    status: str
    """ The order's state; paid for what was redeemed. """
    credits_: int
    """ How many credits it brought, or would bring. """
    pay_amount: int
    """ In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0. """
    pay_currency: str
    """ ISO 4217. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    completed_at: datetime.datetime | None
    """ When the credit came; null: not yet. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind: str = self.kind

        number = self.number

        method = self.method

        status = self.status

        credits_ = self.credits_

        pay_amount = self.pay_amount

        pay_currency = self.pay_currency

        created_at = self.created_at.isoformat()

        completed_at: None | str
        if isinstance(self.completed_at, datetime.datetime):
            completed_at = self.completed_at.isoformat()
        else:
            completed_at = self.completed_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "number": number,
                "method": method,
                "status": status,
                "credits": credits_,
                "pay_amount": pay_amount,
                "pay_currency": pay_currency,
                "created_at": created_at,
                "completed_at": completed_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        kind = check_credit_line_kind(d.pop("kind"))

        number = d.pop("number")

        method = d.pop("method")

        status = d.pop("status")

        credits_ = d.pop("credits")

        pay_amount = d.pop("pay_amount")

        pay_currency = d.pop("pay_currency")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_completed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                completed_at_type_0 = datetime.datetime.fromisoformat(data)

                return completed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        completed_at = _parse_completed_at(d.pop("completed_at"))

        credit_line = cls(
            id=id,
            kind=kind,
            number=number,
            method=method,
            status=status,
            credits_=credits_,
            pay_amount=pay_amount,
            pay_currency=pay_currency,
            created_at=created_at,
            completed_at=completed_at,
        )

        credit_line.additional_properties = d
        return credit_line

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
