from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.recipient_mail_status import RecipientMailStatus, check_recipient_mail_status

T = TypeVar("T", bound="RecipientMail")


@_attrs_define
class RecipientMail:
    """One mail about a top-up. It holds the link to the claim page, never the code itself."""

    id: str
    """ Its id, mal_…. """
    status: RecipientMailStatus
    """ sent: a mail server took it. bounced: it was refused for good. failed: tried for a day and a half. unwanted:
    the recipient asked for no mail. outbox: no mail leaves here, read it in the dashboard. limited: the mails of 24
    hours were used up. """
    attempts: int
    """ How many times it was tried. """
    reason: None | str
    """ What the mail server said. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    next_attempt_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str = self.status

        attempts = self.attempts

        reason: None | str
        reason = self.reason

        created_at = self.created_at.isoformat()

        next_attempt_at: None | str
        if isinstance(self.next_attempt_at, datetime.datetime):
            next_attempt_at = self.next_attempt_at.isoformat()
        else:
            next_attempt_at = self.next_attempt_at

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "attempts": attempts,
                "reason": reason,
                "created_at": created_at,
                "next_attempt_at": next_attempt_at,
                "ended_at": ended_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        status = check_recipient_mail_status(d.pop("status"))

        attempts = d.pop("attempts")

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_next_attempt_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_attempt_at_type_0 = datetime.datetime.fromisoformat(data)

                return next_attempt_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        next_attempt_at = _parse_next_attempt_at(d.pop("next_attempt_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        recipient_mail = cls(
            id=id,
            status=status,
            attempts=attempts,
            reason=reason,
            created_at=created_at,
            next_attempt_at=next_attempt_at,
            ended_at=ended_at,
        )

        recipient_mail.additional_properties = d
        return recipient_mail

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
