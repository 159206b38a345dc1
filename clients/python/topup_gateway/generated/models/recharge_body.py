from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="RechargeBody")


@_attrs_define
class RechargeBody:
    """In US cents. method_ref: one of the saved means of payment; without it the newest."""

    below_cents: int
    """ Buy when the balance falls below it, in US cents. """
    amount_cents: int
    """ What is bought each time, in US cents. """
    monthly_max_cents: int
    """ The most that is bought in a UTC month, in US cents. """
    provider: str
    """ The payment provider. """
    method_ref: None | str | Unset = UNSET
    """ One of the saved means of payment; left out: the newest. """

    def to_dict(self) -> dict[str, Any]:
        below_cents = self.below_cents

        amount_cents = self.amount_cents

        monthly_max_cents = self.monthly_max_cents

        provider = self.provider

        method_ref: None | str | Unset
        if isinstance(self.method_ref, Unset):
            method_ref = UNSET
        else:
            method_ref = self.method_ref

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "below_cents": below_cents,
                "amount_cents": amount_cents,
                "monthly_max_cents": monthly_max_cents,
                "provider": provider,
            }
        )
        if method_ref is not UNSET:
            field_dict["method_ref"] = method_ref

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        below_cents = d.pop("below_cents")

        amount_cents = d.pop("amount_cents")

        monthly_max_cents = d.pop("monthly_max_cents")

        provider = d.pop("provider")

        def _parse_method_ref(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        method_ref = _parse_method_ref(d.pop("method_ref", UNSET))

        recharge_body = cls(
            below_cents=below_cents,
            amount_cents=amount_cents,
            monthly_max_cents=monthly_max_cents,
            provider=provider,
            method_ref=method_ref,
        )

        return recharge_body
