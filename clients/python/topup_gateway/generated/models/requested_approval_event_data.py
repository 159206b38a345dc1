from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.requested_approval_event_data_status import (
    RequestedApprovalEventDataStatus,
    check_requested_approval_event_data_status,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.approval import Approval
    from ..models.requested_approval_event_data_metadata import RequestedApprovalEventDataMetadata


T = TypeVar("T", bound="RequestedApprovalEventData")


@_attrs_define
class RequestedApprovalEventData:
    """decide_url is null but for an endpoint with include_approval_links."""

    transaction_id: str
    """ The top-up's id. """
    status: RequestedApprovalEventDataStatus
    """ Its state. """
    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    fee_cents: int
    """ Charged beside the amount, in US cents. """
    charged_cents: int
    """ What the sender paid, amount and fee, in US cents. """
    recipient_email: str
    """ The recipient's address. """
    voucher_code: None
    """ Null: there is nothing to redeem. """
    voucher_code_hint: None
    """ Null: there is nothing to redeem. """
    deliverable: None
    """ What the recipient is given; null: nothing yet. """
    new_balance_cents: None
    """ The recipient's wallet of that platform afterwards, in US cents; null: unchanged. """
    reference: None | str
    """ The sender's own name for it. """
    metadata: RequestedApprovalEventDataMetadata
    """ Pairs of the sender's own. """
    key_id: None | str
    """ The key that sent it. """
    key_name: None | str
    """ What that key was called then. """
    approval: Approval
    """ What a person decides on; requested_by and decided_by are ids of keys or persons.

        decided_by is null while it is pending, and where it expired; link: by a signed link. cancelled: its
        sender took the send back. """
    decide_url: None | str
    """ A page that decides, once, for whoever has the address: for persons. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    scheduled_for: datetime.datetime | Unset = UNSET
    """ When it is to be sent, by the account's own clock. """
    failure_reason: str | Unset = UNSET
    """ Why it failed or was called off; null: it did not. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        transaction_id = self.transaction_id

        status: str = self.status

        platform = self.platform

        amount_cents = self.amount_cents

        fee_cents = self.fee_cents

        charged_cents = self.charged_cents

        recipient_email = self.recipient_email

        voucher_code = self.voucher_code

        voucher_code_hint = self.voucher_code_hint

        deliverable = self.deliverable

        new_balance_cents = self.new_balance_cents

        reference: None | str
        reference = self.reference

        metadata = self.metadata.to_dict()

        key_id: None | str
        key_id = self.key_id

        key_name: None | str
        key_name = self.key_name

        approval = self.approval.to_dict()

        decide_url: None | str
        decide_url = self.decide_url

        test = self.test

        scheduled_for: str | Unset = UNSET
        if not isinstance(self.scheduled_for, Unset):
            scheduled_for = self.scheduled_for.isoformat()

        failure_reason = self.failure_reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "transaction_id": transaction_id,
                "status": status,
                "platform": platform,
                "amount_cents": amount_cents,
                "fee_cents": fee_cents,
                "charged_cents": charged_cents,
                "recipient_email": recipient_email,
                "voucher_code": voucher_code,
                "voucher_code_hint": voucher_code_hint,
                "deliverable": deliverable,
                "new_balance_cents": new_balance_cents,
                "reference": reference,
                "metadata": metadata,
                "key_id": key_id,
                "key_name": key_name,
                "approval": approval,
                "decide_url": decide_url,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test
        if scheduled_for is not UNSET:
            field_dict["scheduled_for"] = scheduled_for
        if failure_reason is not UNSET:
            field_dict["failure_reason"] = failure_reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.approval import Approval  # noqa: PLC0415
        from ..models.requested_approval_event_data_metadata import (
            RequestedApprovalEventDataMetadata,  # noqa: PLC0415
        )

        d = dict(src_dict)
        transaction_id = d.pop("transaction_id")

        status = check_requested_approval_event_data_status(d.pop("status"))

        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        fee_cents = d.pop("fee_cents")

        charged_cents = d.pop("charged_cents")

        recipient_email = d.pop("recipient_email")

        voucher_code = d.pop("voucher_code")

        voucher_code_hint = d.pop("voucher_code_hint")

        deliverable = d.pop("deliverable")

        new_balance_cents = d.pop("new_balance_cents")

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        metadata = RequestedApprovalEventDataMetadata.from_dict(d.pop("metadata"))

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        def _parse_key_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_name = _parse_key_name(d.pop("key_name"))

        approval = Approval.from_dict(d.pop("approval"))

        def _parse_decide_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        decide_url = _parse_decide_url(d.pop("decide_url"))

        test = d.pop("test", UNSET)

        _scheduled_for = d.pop("scheduled_for", UNSET)
        scheduled_for: datetime.datetime | Unset
        if isinstance(_scheduled_for, Unset):
            scheduled_for = UNSET
        else:
            scheduled_for = datetime.datetime.fromisoformat(_scheduled_for)

        failure_reason = d.pop("failure_reason", UNSET)

        requested_approval_event_data = cls(
            transaction_id=transaction_id,
            status=status,
            platform=platform,
            amount_cents=amount_cents,
            fee_cents=fee_cents,
            charged_cents=charged_cents,
            recipient_email=recipient_email,
            voucher_code=voucher_code,
            voucher_code_hint=voucher_code_hint,
            deliverable=deliverable,
            new_balance_cents=new_balance_cents,
            reference=reference,
            metadata=metadata,
            key_id=key_id,
            key_name=key_name,
            approval=approval,
            decide_url=decide_url,
            test=test,
            scheduled_for=scheduled_for,
            failure_reason=failure_reason,
        )

        requested_approval_event_data.additional_properties = d
        return requested_approval_event_data

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
