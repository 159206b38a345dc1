from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="RecipientWallet")


@_attrs_define
class RecipientWallet:
    """What a recipient holds of one platform, from this account's top-ups."""

    recipient_email: str
    """ The recipient's address. """
    platform: str
    """ The platform, as GET /platforms names it. """
    balance_cents: int
    """ In US cents. """
    updated_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        recipient_email = self.recipient_email

        platform = self.platform

        balance_cents = self.balance_cents

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "recipient_email": recipient_email,
                "platform": platform,
                "balance_cents": balance_cents,
                "updated_at": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        recipient_email = d.pop("recipient_email")

        platform = d.pop("platform")

        balance_cents = d.pop("balance_cents")

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        recipient_wallet = cls(
            recipient_email=recipient_email,
            platform=platform,
            balance_cents=balance_cents,
            updated_at=updated_at,
        )

        recipient_wallet.additional_properties = d
        return recipient_wallet

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
