from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.change_plan_body_interval import (
    ChangePlanBodyInterval,
    check_change_plan_body_interval,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="ChangePlanBody")


@_attrs_define
class ChangePlanBody:
    """Another plan, or the same by another interval."""

    plan_id: str
    """ The plan's id. """
    interval: ChangePlanBodyInterval | Unset = UNSET
    """ How often it is paid. Default: "month". """

    def to_dict(self) -> dict[str, Any]:
        plan_id = self.plan_id

        interval: str | Unset = UNSET
        if not isinstance(self.interval, Unset):
            interval = self.interval

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "plan_id": plan_id,
            }
        )
        if interval is not UNSET:
            field_dict["interval"] = interval

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        plan_id = d.pop("plan_id")

        _interval = d.pop("interval", UNSET)
        interval: ChangePlanBodyInterval | Unset
        if isinstance(_interval, Unset):
            interval = UNSET
        else:
            interval = check_change_plan_body_interval(_interval)

        change_plan_body = cls(
            plan_id=plan_id,
            interval=interval,
        )

        return change_plan_body
