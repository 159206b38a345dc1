from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="GivenBack")


@_attrs_define
class GivenBack:
    """What was paid and could not be delivered, as a code that anybody redeems at POST /codes/redeem. The
    code is null for whoever does not show the payment's identifier.

    """

    voucher_code: None | str
    """ What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its
    place. Null unless you may see it. """
    voucher_code_hint: str
    """ The code's last four characters. """
    amount_cents: int
    """ In US cents. """
    reason: None | str
    """ Why, in words for people. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        voucher_code: None | str
        voucher_code = self.voucher_code

        voucher_code_hint = self.voucher_code_hint

        amount_cents = self.amount_cents

        reason: None | str
        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "voucher_code": voucher_code,
                "voucher_code_hint": voucher_code_hint,
                "amount_cents": amount_cents,
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_voucher_code(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        voucher_code = _parse_voucher_code(d.pop("voucher_code"))

        voucher_code_hint = d.pop("voucher_code_hint")

        amount_cents = d.pop("amount_cents")

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        given_back = cls(
            voucher_code=voucher_code,
            voucher_code_hint=voucher_code_hint,
            amount_cents=amount_cents,
            reason=reason,
        )

        given_back.additional_properties = d
        return given_back

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
