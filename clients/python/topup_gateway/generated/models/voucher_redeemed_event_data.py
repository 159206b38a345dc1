from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.voucher_redeemed_event_data_settle import (
    VoucherRedeemedEventDataSettle,
    check_voucher_redeemed_event_data_settle,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.voucher_redeemed_event_data_metadata import VoucherRedeemedEventDataMetadata


T = TypeVar("T", bound="VoucherRedeemedEventData")


@_attrs_define
class VoucherRedeemedEventData:
    """Told to the account that issued the voucher. settle: into a wallet here, or external: the
    platform honoured it.

    """

    transaction_id: str
    """ The top-up's id. """
    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    recipient_email: str
    """ The recipient's address. """
    settle: VoucherRedeemedEventDataSettle
    """ wallet: into a wallet here. external: the platform honoured it. """
    redeemed_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    reference: None | str
    """ The sender's own name for it. """
    metadata: VoucherRedeemedEventDataMetadata
    """ Pairs of the sender's own. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        transaction_id = self.transaction_id

        platform = self.platform

        amount_cents = self.amount_cents

        recipient_email = self.recipient_email

        settle: str = self.settle

        redeemed_at = self.redeemed_at.isoformat()

        reference: None | str
        reference = self.reference

        metadata = self.metadata.to_dict()

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "transaction_id": transaction_id,
                "platform": platform,
                "amount_cents": amount_cents,
                "recipient_email": recipient_email,
                "settle": settle,
                "redeemed_at": redeemed_at,
                "reference": reference,
                "metadata": metadata,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.voucher_redeemed_event_data_metadata import VoucherRedeemedEventDataMetadata  # noqa: PLC0415

        d = dict(src_dict)
        transaction_id = d.pop("transaction_id")

        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        recipient_email = d.pop("recipient_email")

        settle = check_voucher_redeemed_event_data_settle(d.pop("settle"))

        redeemed_at = datetime.datetime.fromisoformat(d.pop("redeemed_at"))

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        metadata = VoucherRedeemedEventDataMetadata.from_dict(d.pop("metadata"))

        test = d.pop("test", UNSET)

        voucher_redeemed_event_data = cls(
            transaction_id=transaction_id,
            platform=platform,
            amount_cents=amount_cents,
            recipient_email=recipient_email,
            settle=settle,
            redeemed_at=redeemed_at,
            reference=reference,
            metadata=metadata,
            test=test,
        )

        voucher_redeemed_event_data.additional_properties = d
        return voucher_redeemed_event_data

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
