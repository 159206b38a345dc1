from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.cancel_plan_body_at import CancelPlanBodyAt, check_cancel_plan_body_at
from ..types import UNSET, Unset

T = TypeVar("T", bound="CancelPlanBody")


@_attrs_define
class CancelPlanBody:
    """When it ends. Nothing is paid back: a refund is another call."""

    at: CancelPlanBodyAt | Unset = UNSET
    """ period_end: what is paid for is kept. now: at once; nothing is paid back. Default: "period_end". """

    def to_dict(self) -> dict[str, Any]:
        at: str | Unset = UNSET
        if not isinstance(self.at, Unset):
            at = self.at

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if at is not UNSET:
            field_dict["at"] = at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _at = d.pop("at", UNSET)
        at: CancelPlanBodyAt | Unset
        if isinstance(_at, Unset):
            at = UNSET
        else:
            at = check_cancel_plan_body_at(_at)

        cancel_plan_body = cls(
            at=at,
        )

        return cancel_plan_body
