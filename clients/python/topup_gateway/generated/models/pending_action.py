from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.pending_action_action import PendingActionAction, check_pending_action_action
from ..models.pending_action_interval_type_0 import (
    PendingActionIntervalType0,
    check_pending_action_interval_type_0,
)

T = TypeVar("T", bound="PendingAction")


@_attrs_define
class PendingAction:
    """A change that was requested of the provider and isn't done yet."""

    action: PendingActionAction
    """ What was asked for. """
    plan_id: None | str
    """ Of a change. """
    interval: None | PendingActionIntervalType0
    """ Of a change. """
    requested_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    is_outcome_unknown: bool
    """ The provider gave no clear answer so far; it is asked again by itself. """
    attempts: int
    """ How many times the provider was asked. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        action: str = self.action

        plan_id: None | str
        plan_id = self.plan_id

        interval: None | str
        if isinstance(self.interval, str):
            interval = self.interval
        else:
            interval = self.interval

        requested_at = self.requested_at.isoformat()

        is_outcome_unknown = self.is_outcome_unknown

        attempts = self.attempts

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "action": action,
                "plan_id": plan_id,
                "interval": interval,
                "requested_at": requested_at,
                "is_outcome_unknown": is_outcome_unknown,
                "attempts": attempts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        action = check_pending_action_action(d.pop("action"))

        def _parse_plan_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan_id = _parse_plan_id(d.pop("plan_id"))

        def _parse_interval(data: object) -> None | PendingActionIntervalType0:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                interval_type_0 = check_pending_action_interval_type_0(data)

                return interval_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PendingActionIntervalType0, data)

        interval = _parse_interval(d.pop("interval"))

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        is_outcome_unknown = d.pop("is_outcome_unknown")

        attempts = d.pop("attempts")

        pending_action = cls(
            action=action,
            plan_id=plan_id,
            interval=interval,
            requested_at=requested_at,
            is_outcome_unknown=is_outcome_unknown,
            attempts=attempts,
        )

        pending_action.additional_properties = d
        return pending_action

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
