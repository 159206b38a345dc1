from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.approval_reason import ApprovalReason, check_approval_reason
from ..models.approval_status import ApprovalStatus, check_approval_status

T = TypeVar("T", bound="Approval")


@_attrs_define
class Approval:
    """What a person decides on; requested_by and decided_by are ids of keys or persons.

    decided_by is null while it is pending, and where it expired; link: by a signed link. cancelled: its
    sender took the send back.

    """

    id: str
    """ Its id, apr_…. """
    transaction_id: str
    """ The top-up's id. """
    status: ApprovalStatus
    """ Its state. """
    reason: ApprovalReason
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
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
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
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        transaction_id = d.pop("transaction_id")

        status = check_approval_status(d.pop("status"))

        reason = check_approval_reason(d.pop("reason"))

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

        approval = cls(
            id=id,
            transaction_id=transaction_id,
            status=status,
            reason=reason,
            requested_by=requested_by,
            decided_by=decided_by,
            created_at=created_at,
            expires_at=expires_at,
            decided_at=decided_at,
        )

        approval.additional_properties = d
        return approval

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
