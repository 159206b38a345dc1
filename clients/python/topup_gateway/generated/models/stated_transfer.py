from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="StatedTransfer")


@_attrs_define
class StatedTransfer:
    """A transfer of a statement, and the wallet's balance after it."""

    id: str
    """ Its id. """
    debit: str
    """ The ledger account that it comes from. """
    credit: str
    """ The ledger account that it goes to. """
    amount_cents: int
    """ In US cents. """
    amount_micros: int
    """ In millionths of a US dollar. """
    code: str
    """ Why the money moved. """
    key_id: None | str
    """ The key whose call moved it; null: no key's, or not known. """
    key_name: None | str
    """ What that key is called. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    balance_micros: int
    """ In millionths of a US dollar. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        debit = self.debit

        credit = self.credit

        amount_cents = self.amount_cents

        amount_micros = self.amount_micros

        code = self.code

        key_id: None | str
        key_id = self.key_id

        key_name: None | str
        key_name = self.key_name

        created_at = self.created_at.isoformat()

        balance_micros = self.balance_micros

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "debit": debit,
                "credit": credit,
                "amount_cents": amount_cents,
                "amount_micros": amount_micros,
                "code": code,
                "key_id": key_id,
                "key_name": key_name,
                "created_at": created_at,
                "balance_micros": balance_micros,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        debit = d.pop("debit")

        credit = d.pop("credit")

        amount_cents = d.pop("amount_cents")

        amount_micros = d.pop("amount_micros")

        code = d.pop("code")

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        def _parse_key_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_name = _parse_key_name(d.pop("key_name"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        balance_micros = d.pop("balance_micros")

        stated_transfer = cls(
            id=id,
            debit=debit,
            credit=credit,
            amount_cents=amount_cents,
            amount_micros=amount_micros,
            code=code,
            key_id=key_id,
            key_name=key_name,
            created_at=created_at,
            balance_micros=balance_micros,
        )

        stated_transfer.additional_properties = d
        return stated_transfer

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
