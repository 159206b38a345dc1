from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.redeemed_code_type import RedeemedCodeType, check_redeemed_code_type

T = TypeVar("T", bound="RedeemedCode")


@_attrs_define
class RedeemedCode:
    """Credit that a code or a voucher brought. expires_at is null unless it expires."""

    id: None | str
    """ Of a code's redemption; a voucher's has none. """
    type_: RedeemedCodeType
    """ What was redeemed. """
    last4: str
    """ The last 4 characters. """
    amount_cents: int
    """ In US cents. """
    amount_micros: int
    """ In millionths of a US dollar. """
    credits_: int
    """ In credits of $0.001. """
    promotional: bool
    """ Whether it is credit that was given, not bought. """
    expires_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    redeemed_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    balance_cents: int
    """ The caller's wallet, in US cents. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id: None | str
        id = self.id

        type_: str = self.type_

        last4 = self.last4

        amount_cents = self.amount_cents

        amount_micros = self.amount_micros

        credits_ = self.credits_

        promotional = self.promotional

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        redeemed_at = self.redeemed_at.isoformat()

        balance_cents = self.balance_cents

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "type": type_,
                "last4": last4,
                "amount_cents": amount_cents,
                "amount_micros": amount_micros,
                "credits": credits_,
                "promotional": promotional,
                "expires_at": expires_at,
                "redeemed_at": redeemed_at,
                "balance_cents": balance_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        id = _parse_id(d.pop("id"))

        type_ = check_redeemed_code_type(d.pop("type"))

        last4 = d.pop("last4")

        amount_cents = d.pop("amount_cents")

        amount_micros = d.pop("amount_micros")

        credits_ = d.pop("credits")

        promotional = d.pop("promotional")

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        redeemed_at = datetime.datetime.fromisoformat(d.pop("redeemed_at"))

        balance_cents = d.pop("balance_cents")

        redeemed_code = cls(
            id=id,
            type_=type_,
            last4=last4,
            amount_cents=amount_cents,
            amount_micros=amount_micros,
            credits_=credits_,
            promotional=promotional,
            expires_at=expires_at,
            redeemed_at=redeemed_at,
            balance_cents=balance_cents,
        )

        redeemed_code.additional_properties = d
        return redeemed_code

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
