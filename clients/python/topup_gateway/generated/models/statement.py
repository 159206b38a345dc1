from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.stated_transfer import StatedTransfer


T = TypeVar("T", bound="Statement")


@_attrs_define
class Statement:
    """Opening balance + what the transfers did to the wallet = closing balance."""

    from_: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    to: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    opening_balance_cents: int
    """ In US cents. """
    opening_balance_micros: int
    """ In millionths of a US dollar. """
    transfers: list[StatedTransfer]
    """ The movements on the ledger. """
    closing_balance_cents: int
    """ In US cents. """
    closing_balance_micros: int
    """ In millionths of a US dollar. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_.isoformat()

        to = self.to.isoformat()

        opening_balance_cents = self.opening_balance_cents

        opening_balance_micros = self.opening_balance_micros

        transfers = []
        for transfers_item_data in self.transfers:
            transfers_item = transfers_item_data.to_dict()
            transfers.append(transfers_item)

        closing_balance_cents = self.closing_balance_cents

        closing_balance_micros = self.closing_balance_micros

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "from": from_,
                "to": to,
                "opening_balance_cents": opening_balance_cents,
                "opening_balance_micros": opening_balance_micros,
                "transfers": transfers,
                "closing_balance_cents": closing_balance_cents,
                "closing_balance_micros": closing_balance_micros,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.stated_transfer import StatedTransfer  # noqa: PLC0415

        d = dict(src_dict)
        from_ = datetime.datetime.fromisoformat(d.pop("from"))

        to = datetime.datetime.fromisoformat(d.pop("to"))

        opening_balance_cents = d.pop("opening_balance_cents")

        opening_balance_micros = d.pop("opening_balance_micros")

        transfers = []
        _transfers = d.pop("transfers")
        for transfers_item_data in _transfers:
            transfers_item = StatedTransfer.from_dict(transfers_item_data)

            transfers.append(transfers_item)

        closing_balance_cents = d.pop("closing_balance_cents")

        closing_balance_micros = d.pop("closing_balance_micros")

        statement = cls(
            from_=from_,
            to=to,
            opening_balance_cents=opening_balance_cents,
            opening_balance_micros=opening_balance_micros,
            transfers=transfers,
            closing_balance_cents=closing_balance_cents,
            closing_balance_micros=closing_balance_micros,
        )

        statement.additional_properties = d
        return statement

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
