from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="RevenueLine")


@_attrs_define
class RevenueLine:
    """Payments of one month, UTC, by when they were paid; amounts in the currency's smallest unit.

    refunded: what has gone back of these very payments until now, or is disputed. refunded_in_month:
    what went back or was disputed in this month, of whichever month's payments, as it stands now. net:
    paid without refunded. fee: what the provider deducted of those whose fee is known and in the same
    currency; fees_known counts these.

    """

    month: str
    """ In UTC, such as 2026-06. """
    provider: str
    """ The payment provider. """
    currency: str
    """ The currency, by ISO 4217. """
    payments: int
    """ How many payments. """
    paid: int
    """ In the currency's smallest unit. """
    refunded: int
    """ What has gone back of these payments until now, or is disputed. """
    refunded_in_month: int
    """ What went back or was disputed in this month, of any month's payments. """
    net: int
    """ What is left of the payments. """
    fee: int
    """ What the provider kept, where it tells. """
    fees_known: int
    """ Of how many payments the fee is known. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        month = self.month

        provider = self.provider

        currency = self.currency

        payments = self.payments

        paid = self.paid

        refunded = self.refunded

        refunded_in_month = self.refunded_in_month

        net = self.net

        fee = self.fee

        fees_known = self.fees_known

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "month": month,
                "provider": provider,
                "currency": currency,
                "payments": payments,
                "paid": paid,
                "refunded": refunded,
                "refunded_in_month": refunded_in_month,
                "net": net,
                "fee": fee,
                "fees_known": fees_known,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        month = d.pop("month")

        provider = d.pop("provider")

        currency = d.pop("currency")

        payments = d.pop("payments")

        paid = d.pop("paid")

        refunded = d.pop("refunded")

        refunded_in_month = d.pop("refunded_in_month")

        net = d.pop("net")

        fee = d.pop("fee")

        fees_known = d.pop("fees_known")

        revenue_line = cls(
            month=month,
            provider=provider,
            currency=currency,
            payments=payments,
            paid=paid,
            refunded=refunded,
            refunded_in_month=refunded_in_month,
            net=net,
            fee=fee,
            fees_known=fees_known,
        )

        revenue_line.additional_properties = d
        return revenue_line

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
