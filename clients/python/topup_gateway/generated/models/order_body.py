from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="OrderBody")


@_attrs_define
class OrderBody:
    """What is bought: a pack, or credit for amount_cents of US dollars; and where it is paid."""

    provider: str
    """ Where it is paid. In staging `sandbox` is the first provider that the sandbox stands in for; the order names
    that one. """
    pack_id: None | str | Unset = UNSET
    """ The pack's id. """
    amount_cents: int | None | Unset = UNSET
    """ The amount, in US cents. """
    success_url: None | str | Unset = UNSET
    """ Where the payer goes who has paid. """
    cancel_url: None | str | Unset = UNSET
    """ Where the payer goes who does not pay. """
    coupon: None | str | Unset = UNSET
    """ A coupon's code; null: none. """
    save_payment_method: bool | Unset = UNSET
    """ The person who signed in agrees that the card is kept, for an auto-recharge. By a session only, and where
    the provider keeps cards. Default: false. """

    def to_dict(self) -> dict[str, Any]:
        provider = self.provider

        pack_id: None | str | Unset
        if isinstance(self.pack_id, Unset):
            pack_id = UNSET
        else:
            pack_id = self.pack_id

        amount_cents: int | None | Unset
        if isinstance(self.amount_cents, Unset):
            amount_cents = UNSET
        else:
            amount_cents = self.amount_cents

        success_url: None | str | Unset
        if isinstance(self.success_url, Unset):
            success_url = UNSET
        else:
            success_url = self.success_url

        cancel_url: None | str | Unset
        if isinstance(self.cancel_url, Unset):
            cancel_url = UNSET
        else:
            cancel_url = self.cancel_url

        coupon: None | str | Unset
        if isinstance(self.coupon, Unset):
            coupon = UNSET
        else:
            coupon = self.coupon

        save_payment_method = self.save_payment_method

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "provider": provider,
            }
        )
        if pack_id is not UNSET:
            field_dict["pack_id"] = pack_id
        if amount_cents is not UNSET:
            field_dict["amount_cents"] = amount_cents
        if success_url is not UNSET:
            field_dict["success_url"] = success_url
        if cancel_url is not UNSET:
            field_dict["cancel_url"] = cancel_url
        if coupon is not UNSET:
            field_dict["coupon"] = coupon
        if save_payment_method is not UNSET:
            field_dict["save_payment_method"] = save_payment_method

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        provider = d.pop("provider")

        def _parse_pack_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        pack_id = _parse_pack_id(d.pop("pack_id", UNSET))

        def _parse_amount_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        amount_cents = _parse_amount_cents(d.pop("amount_cents", UNSET))

        def _parse_success_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        success_url = _parse_success_url(d.pop("success_url", UNSET))

        def _parse_cancel_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cancel_url = _parse_cancel_url(d.pop("cancel_url", UNSET))

        def _parse_coupon(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        coupon = _parse_coupon(d.pop("coupon", UNSET))

        save_payment_method = d.pop("save_payment_method", UNSET)

        order_body = cls(
            provider=provider,
            pack_id=pack_id,
            amount_cents=amount_cents,
            success_url=success_url,
            cancel_url=cancel_url,
            coupon=coupon,
            save_payment_method=save_payment_method,
        )

        return order_body
