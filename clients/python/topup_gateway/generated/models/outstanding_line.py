from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="OutstandingLine")


@_attrs_define
class OutstandingLine:
    """One month of all customers' credit (wallets, grants, holds), in micros of a US dollar.

    sold: for money; granted: promotions, codes, check-ins, by hand, test credit; reversed: after refunds
    and disputes, less what came again; used: top-ups and usage; breakage: credit of plans that was paid
    for and ended unused, less what went on into a later period or was refunded after its end; expired:
    granted credit that ended; withdrawn: by hand; debts: paid, or made. closing_micros is what customers
    hold at the end: opening and all columns together.

    """

    month: str
    """ In UTC, such as 2026-06. """
    opening_micros: int
    """ At the month's beginning, in millionths of a US dollar. """
    sold_micros: int
    """ Sold for money, in millionths of a US dollar. """
    granted_micros: int
    """ Given, in millionths of a US dollar. """
    reversed_micros: int
    """ Taken back after refunds and disputes, in millionths of a US dollar. """
    used_micros: int
    """ Used, in millionths of a US dollar. """
    breakage_micros: int
    """ Paid for and ended unused, in millionths of a US dollar. """
    expired_micros: int
    """ Given and ended unused, in millionths of a US dollar. """
    withdrawn_micros: int
    """ Taken away by hand, in millionths of a US dollar. """
    debts_micros: int
    """ Debts paid, or made, in millionths of a US dollar. """
    closing_micros: int
    """ At the month's end, in millionths of a US dollar. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        month = self.month

        opening_micros = self.opening_micros

        sold_micros = self.sold_micros

        granted_micros = self.granted_micros

        reversed_micros = self.reversed_micros

        used_micros = self.used_micros

        breakage_micros = self.breakage_micros

        expired_micros = self.expired_micros

        withdrawn_micros = self.withdrawn_micros

        debts_micros = self.debts_micros

        closing_micros = self.closing_micros

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "month": month,
                "opening_micros": opening_micros,
                "sold_micros": sold_micros,
                "granted_micros": granted_micros,
                "reversed_micros": reversed_micros,
                "used_micros": used_micros,
                "breakage_micros": breakage_micros,
                "expired_micros": expired_micros,
                "withdrawn_micros": withdrawn_micros,
                "debts_micros": debts_micros,
                "closing_micros": closing_micros,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        month = d.pop("month")

        opening_micros = d.pop("opening_micros")

        sold_micros = d.pop("sold_micros")

        granted_micros = d.pop("granted_micros")

        reversed_micros = d.pop("reversed_micros")

        used_micros = d.pop("used_micros")

        breakage_micros = d.pop("breakage_micros")

        expired_micros = d.pop("expired_micros")

        withdrawn_micros = d.pop("withdrawn_micros")

        debts_micros = d.pop("debts_micros")

        closing_micros = d.pop("closing_micros")

        outstanding_line = cls(
            month=month,
            opening_micros=opening_micros,
            sold_micros=sold_micros,
            granted_micros=granted_micros,
            reversed_micros=reversed_micros,
            used_micros=used_micros,
            breakage_micros=breakage_micros,
            expired_micros=expired_micros,
            withdrawn_micros=withdrawn_micros,
            debts_micros=debts_micros,
            closing_micros=closing_micros,
        )

        outstanding_line.additional_properties = d
        return outstanding_line

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
