from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.asked_approval_reason import AskedApprovalReason, check_asked_approval_reason
from ..models.asked_approval_status import AskedApprovalStatus, check_asked_approval_status

if TYPE_CHECKING:
    from ..models.requester import Requester


T = TypeVar("T", bound="AskedApproval")


@_attrs_define
class AskedApproval:
    """An approval with what it decides on."""

    id: str
    """ Its id, apr_…. """
    transaction_id: str
    """ The top-up's id. """
    status: AskedApprovalStatus
    """ Its state. """
    reason: AskedApprovalReason
    """ threshold: its key has to ask for as much. sender_left: the person who sent it for later lost their access
    to the account before it went. """
    requested_by: None | str
    """ The key that asked, or the person who left. """
    decided_by: None | str
    """ The key or person that decided; null: nobody yet. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    expires_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    decided_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    charged_cents: int
    """ What the sender paid, amount and fee, in US cents. """
    recipient_email: str
    """ The recipient's address. """
    note: None | str
    """ A note of the sender's own. """
    requester: None | Requester
    """ Null: a person asked, or a credential without a key. """
    sender_email: None | str
    """ Of `sender_left`: who sent it. Null: a key or a token did. """
    url: str
    """ The page of the dashboard where a person decides. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.requester import Requester  # noqa: PLC0415

        id = self.id

        transaction_id = self.transaction_id

        status: str = self.status

        reason: str = self.reason

        requested_by: None | str
        requested_by = self.requested_by

        decided_by: None | str
        decided_by = self.decided_by

        created_at = self.created_at.isoformat()

        expires_at = self.expires_at.isoformat()

        decided_at: None | str
        if isinstance(self.decided_at, datetime.datetime):
            decided_at = self.decided_at.isoformat()
        else:
            decided_at = self.decided_at

        platform = self.platform

        amount_cents = self.amount_cents

        charged_cents = self.charged_cents

        recipient_email = self.recipient_email

        note: None | str
        note = self.note

        requester: dict[str, Any] | None
        if isinstance(self.requester, Requester):
            requester = self.requester.to_dict()
        else:
            requester = self.requester

        sender_email: None | str
        sender_email = self.sender_email

        url = self.url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "transaction_id": transaction_id,
                "status": status,
                "reason": reason,
                "requested_by": requested_by,
                "decided_by": decided_by,
                "created_at": created_at,
                "expires_at": expires_at,
                "decided_at": decided_at,
                "platform": platform,
                "amount_cents": amount_cents,
                "charged_cents": charged_cents,
                "recipient_email": recipient_email,
                "note": note,
                "requester": requester,
                "sender_email": sender_email,
                "url": url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.requester import Requester  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        transaction_id = d.pop("transaction_id")

        status = check_asked_approval_status(d.pop("status"))

        reason = check_asked_approval_reason(d.pop("reason"))

        def _parse_requested_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        requested_by = _parse_requested_by(d.pop("requested_by"))

        def _parse_decided_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        decided_by = _parse_decided_by(d.pop("decided_by"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        def _parse_decided_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                decided_at_type_0 = datetime.datetime.fromisoformat(data)

                return decided_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        decided_at = _parse_decided_at(d.pop("decided_at"))

        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        charged_cents = d.pop("charged_cents")

        recipient_email = d.pop("recipient_email")

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        def _parse_requester(data: object) -> None | Requester:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                requester_type_0 = Requester.from_dict(data)

                return requester_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Requester, data)

        requester = _parse_requester(d.pop("requester"))

        def _parse_sender_email(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        sender_email = _parse_sender_email(d.pop("sender_email"))

        url = d.pop("url")

        asked_approval = cls(
            id=id,
            transaction_id=transaction_id,
            status=status,
            reason=reason,
            requested_by=requested_by,
            decided_by=decided_by,
            created_at=created_at,
            expires_at=expires_at,
            decided_at=decided_at,
            platform=platform,
            amount_cents=amount_cents,
            charged_cents=charged_cents,
            recipient_email=recipient_email,
            note=note,
            requester=requester,
            sender_email=sender_email,
            url=url,
        )

        asked_approval.additional_properties = d
        return asked_approval

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
