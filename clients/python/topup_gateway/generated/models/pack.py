from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Pack")


@_attrs_define
class Pack:
    """An amount of credit that is sold as one; credits includes the bonus."""

    id: str
    """ Its id. """
    name: str
    """ Its name. """
    amount: int
    """ In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0. """
    currency: str
    """ ISO 4217. """
    credits_: int
    """ 1 credit is $0.001. """
    bonus_credits: int
    """ 1 credit is $0.001. """
    popular: bool
    """ Whether it is to be shown as the usual choice. """
    active: bool
    """ Whether it is offered. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        amount = self.amount

        currency = self.currency

        credits_ = self.credits_

        bonus_credits = self.bonus_credits

        popular = self.popular

        active = self.active

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "amount": amount,
                "currency": currency,
                "credits": credits_,
                "bonus_credits": bonus_credits,
                "popular": popular,
                "active": active,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        amount = d.pop("amount")

        currency = d.pop("currency")

        credits_ = d.pop("credits")

        bonus_credits = d.pop("bonus_credits")

        popular = d.pop("popular")

        active = d.pop("active")

        pack = cls(
            id=id,
            name=name,
            amount=amount,
            currency=currency,
            credits_=credits_,
            bonus_credits=bonus_credits,
            popular=popular,
            active=active,
        )

        pack.additional_properties = d
        return pack

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
