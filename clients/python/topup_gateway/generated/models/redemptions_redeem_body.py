from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="RedemptionsRedeemBody")


@_attrs_define
class RedemptionsRedeemBody:
    """code: TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-…."""

    code: str
    """ TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-…. """

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = d.pop("code")

        redemptions_redeem_body = cls(
            code=code,
        )

        return redemptions_redeem_body
