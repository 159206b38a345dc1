from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.vouchers_redeem_body_settle import (
    VouchersRedeemBodySettle,
    check_vouchers_redeem_body_settle,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="VouchersRedeemBody")


@_attrs_define
class VouchersRedeemBody:
    """settle: into the caller's wallet, or external: the platform has honoured it."""

    code: str
    """ The voucher's code, ATU-…. """
    settle: VouchersRedeemBodySettle | Unset = UNSET
    """ wallet: into a wallet here. external: the platform honoured it. Default: "wallet". """

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        settle: str | Unset = UNSET
        if not isinstance(self.settle, Unset):
            settle = self.settle

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
            }
        )
        if settle is not UNSET:
            field_dict["settle"] = settle

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = d.pop("code")

        _settle = d.pop("settle", UNSET)
        settle: VouchersRedeemBodySettle | Unset
        if isinstance(_settle, Unset):
            settle = UNSET
        else:
            settle = check_vouchers_redeem_body_settle(_settle)

        vouchers_redeem_body = cls(
            code=code,
            settle=settle,
        )

        return vouchers_redeem_body
