from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="FreePeriod")


@_attrs_define
class FreePeriod:
    """A period of a plan that an operator gave free."""

    id: str
    """ Its id, per_…. """
    subscription_id: str
    """ The subscription's id. """
    plan_id: str
    """ The plan's id. """
    period_start: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    period_end: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    credits_: int
    """ What it gave so far, and was not taken back. """
    reason: str
    """ Why, in words for people. """
    granted_by: None | str
    """ Who gave it; null: nobody is known. """
    revoked_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        subscription_id = self.subscription_id

        plan_id = self.plan_id

        period_start = self.period_start.isoformat()

        period_end = self.period_end.isoformat()

        credits_ = self.credits_

        reason = self.reason

        granted_by: None | str
        granted_by = self.granted_by

        revoked_at: None | str
        if isinstance(self.revoked_at, datetime.datetime):
            revoked_at = self.revoked_at.isoformat()
        else:
            revoked_at = self.revoked_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "subscription_id": subscription_id,
                "plan_id": plan_id,
                "period_start": period_start,
                "period_end": period_end,
                "credits": credits_,
                "reason": reason,
                "granted_by": granted_by,
                "revoked_at": revoked_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        subscription_id = d.pop("subscription_id")

        plan_id = d.pop("plan_id")

        period_start = datetime.datetime.fromisoformat(d.pop("period_start"))

        period_end = datetime.datetime.fromisoformat(d.pop("period_end"))

        credits_ = d.pop("credits")

        reason = d.pop("reason")

        def _parse_granted_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        granted_by = _parse_granted_by(d.pop("granted_by"))

        def _parse_revoked_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                revoked_at_type_0 = datetime.datetime.fromisoformat(data)

                return revoked_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        revoked_at = _parse_revoked_at(d.pop("revoked_at"))

        free_period = cls(
            id=id,
            subscription_id=subscription_id,
            plan_id=plan_id,
            period_start=period_start,
            period_end=period_end,
            credits_=credits_,
            reason=reason,
            granted_by=granted_by,
            revoked_at=revoked_at,
        )

        free_period.additional_properties = d
        return free_period

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
