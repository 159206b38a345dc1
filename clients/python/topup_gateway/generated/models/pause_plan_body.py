from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PausePlanBody")


@_attrs_define
class PausePlanBody:
    """Until when the provider charges nothing."""

    resumes_at: datetime.datetime | None | Unset = UNSET
    """ When it goes on by itself. Null: when it is resumed. Some providers take no such time; the refusal says so.
    """

    def to_dict(self) -> dict[str, Any]:
        resumes_at: None | str | Unset
        if isinstance(self.resumes_at, Unset):
            resumes_at = UNSET
        elif isinstance(self.resumes_at, datetime.datetime):
            resumes_at = self.resumes_at.isoformat()
        else:
            resumes_at = self.resumes_at

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if resumes_at is not UNSET:
            field_dict["resumes_at"] = resumes_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_resumes_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                resumes_at_type_0 = datetime.datetime.fromisoformat(data)

                return resumes_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        resumes_at = _parse_resumes_at(d.pop("resumes_at", UNSET))

        pause_plan_body = cls(
            resumes_at=resumes_at,
        )

        return pause_plan_body
