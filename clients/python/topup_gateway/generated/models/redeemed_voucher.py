from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.redeemed_voucher_settle import RedeemedVoucherSettle, check_redeemed_voucher_settle
from ..models.redeemed_voucher_status import RedeemedVoucherStatus, check_redeemed_voucher_status

if TYPE_CHECKING:
    from ..models.deliverable import Deliverable


T = TypeVar("T", bound="RedeemedVoucher")


@_attrs_define
class RedeemedVoucher:
    """A voucher just redeemed; transaction_id is null unless the caller issued it."""

    code: str
    """ The voucher's code. """
    status: RedeemedVoucherStatus
    """ spent: its credit is no longer in the recipient's wallet. """
    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    transaction_id: None | str
    """ The top-up's id. """
    issued_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    redeemed_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    deliverable: Deliverable | None
    """ What the recipient is given; null: nothing yet. """
    settle: RedeemedVoucherSettle
    """ wallet: into a wallet here. external: the platform honoured it. """
    balance_cents: int
    """ The caller's wallet, in US cents. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.deliverable import Deliverable  # noqa: PLC0415

        code = self.code

        status: str = self.status

        platform = self.platform

        amount_cents = self.amount_cents

        transaction_id: None | str
        transaction_id = self.transaction_id

        issued_at: None | str
        if isinstance(self.issued_at, datetime.datetime):
            issued_at = self.issued_at.isoformat()
        else:
            issued_at = self.issued_at

        redeemed_at: None | str
        if isinstance(self.redeemed_at, datetime.datetime):
            redeemed_at = self.redeemed_at.isoformat()
        else:
            redeemed_at = self.redeemed_at

        deliverable: dict[str, Any] | None
        if isinstance(self.deliverable, Deliverable):
            deliverable = self.deliverable.to_dict()
        else:
            deliverable = self.deliverable

        settle: str = self.settle

        balance_cents = self.balance_cents

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "status": status,
                "platform": platform,
                "amount_cents": amount_cents,
                "transaction_id": transaction_id,
                "issued_at": issued_at,
                "redeemed_at": redeemed_at,
                "deliverable": deliverable,
                "settle": settle,
                "balance_cents": balance_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.deliverable import Deliverable  # noqa: PLC0415

        d = dict(src_dict)
        code = d.pop("code")

        status = check_redeemed_voucher_status(d.pop("status"))

        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        def _parse_transaction_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        transaction_id = _parse_transaction_id(d.pop("transaction_id"))

        def _parse_issued_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                issued_at_type_0 = datetime.datetime.fromisoformat(data)

                return issued_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        issued_at = _parse_issued_at(d.pop("issued_at"))

        def _parse_redeemed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                redeemed_at_type_0 = datetime.datetime.fromisoformat(data)

                return redeemed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        redeemed_at = _parse_redeemed_at(d.pop("redeemed_at"))

        def _parse_deliverable(data: object) -> Deliverable | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                deliverable_type_0 = Deliverable.from_dict(data)

                return deliverable_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Deliverable | None, data)

        deliverable = _parse_deliverable(d.pop("deliverable"))

        settle = check_redeemed_voucher_settle(d.pop("settle"))

        balance_cents = d.pop("balance_cents")

        redeemed_voucher = cls(
            code=code,
            status=status,
            platform=platform,
            amount_cents=amount_cents,
            transaction_id=transaction_id,
            issued_at=issued_at,
            redeemed_at=redeemed_at,
            deliverable=deliverable,
            settle=settle,
            balance_cents=balance_cents,
        )

        redeemed_voucher.additional_properties = d
        return redeemed_voucher

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
