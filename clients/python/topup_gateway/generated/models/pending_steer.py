from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.pending_steer_act import PendingSteerAct, check_pending_steer_act
from ..models.pending_steer_interval_type_0 import (
    PendingSteerIntervalType0,
    check_pending_steer_interval_type_0,
)

T = TypeVar("T", bound="PendingSteer")


@_attrs_define
class PendingSteer:
    """What was asked of the provider and is not done yet."""

    act: PendingSteerAct
    """ What was asked for. """
    plan_id: None | str
    """ Of a change. """
    interval: None | PendingSteerIntervalType0
    """ Of a change. """
    asked_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    is_unclear: bool
    """ The provider gave no clear answer so far; it is asked again by itself. """
    attempts: int
    """ How many times the provider was asked. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        act: str = self.act

        plan_id: None | str
        plan_id = self.plan_id

        interval: None | str
        if isinstance(self.interval, str):
            interval = self.interval
        else:
            interval = self.interval

        asked_at = self.asked_at.isoformat()

        is_unclear = self.is_unclear

        attempts = self.attempts

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "act": act,
                "plan_id": plan_id,
                "interval": interval,
                "asked_at": asked_at,
                "is_unclear": is_unclear,
                "attempts": attempts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        act = check_pending_steer_act(d.pop("act"))

        def _parse_plan_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan_id = _parse_plan_id(d.pop("plan_id"))

        def _parse_interval(data: object) -> None | PendingSteerIntervalType0:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                interval_type_0 = check_pending_steer_interval_type_0(data)

                return interval_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PendingSteerIntervalType0, data)

        interval = _parse_interval(d.pop("interval"))

        asked_at = datetime.datetime.fromisoformat(d.pop("asked_at"))

        is_unclear = d.pop("is_unclear")

        attempts = d.pop("attempts")

        pending_steer = cls(
            act=act,
            plan_id=plan_id,
            interval=interval,
            asked_at=asked_at,
            is_unclear=is_unclear,
            attempts=attempts,
        )

        pending_steer.additional_properties = d
        return pending_steer

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
