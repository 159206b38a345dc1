from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Notice")


@_attrs_define
class Notice:
    """That an endpoint keeps failing, or was disabled for it; ended_at is null while it goes on."""

    id: str
    """ Its id, ntc_…. """
    endpoint_id: str
    """ The webhook endpoint's id. """
    url: str
    """ The endpoint's address. """
    stage: str
    """ How far it has come: failing, failing_for_a_day, failing_for_four_days, disabled. """
    reason: None | str
    """ What went wrong; null: not known. """
    failing_since: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    disable_at: datetime.datetime | None
    """ Of failing_for_four_days: when it is disabled unless something arrives before. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        endpoint_id = self.endpoint_id

        url = self.url

        stage = self.stage

        reason: None | str
        reason = self.reason

        failing_since = self.failing_since.isoformat()

        created_at = self.created_at.isoformat()

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        disable_at: None | str
        if isinstance(self.disable_at, datetime.datetime):
            disable_at = self.disable_at.isoformat()
        else:
            disable_at = self.disable_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "endpoint_id": endpoint_id,
                "url": url,
                "stage": stage,
                "reason": reason,
                "failing_since": failing_since,
                "created_at": created_at,
                "ended_at": ended_at,
                "disable_at": disable_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        endpoint_id = d.pop("endpoint_id")

        url = d.pop("url")

        stage = d.pop("stage")

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        failing_since = datetime.datetime.fromisoformat(d.pop("failing_since"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

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

        def _parse_disable_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                disable_at_type_0 = datetime.datetime.fromisoformat(data)

                return disable_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        disable_at = _parse_disable_at(d.pop("disable_at"))

        notice = cls(
            id=id,
            endpoint_id=endpoint_id,
            url=url,
            stage=stage,
            reason=reason,
            failing_since=failing_since,
            created_at=created_at,
            ended_at=ended_at,
            disable_at=disable_at,
        )

        notice.additional_properties = d
        return notice

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
