from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.event_type import EventType, check_event_type
from ..types import UNSET, Unset

T = TypeVar("T", bound="TestEventBody")


@_attrs_define
class TestEventBody:
    """Which sample is sent."""

    event: EventType | Unset = UNSET
    """ What happened; GET /docs/events describes each. """

    def to_dict(self) -> dict[str, Any]:
        event: str | Unset = UNSET
        if not isinstance(self.event, Unset):
            event = self.event

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if event is not UNSET:
            field_dict["event"] = event

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _event = d.pop("event", UNSET)
        event: EventType | Unset
        if isinstance(_event, Unset):
            event = UNSET
        else:
            event = check_event_type(_event)

        test_event_body = cls(
            event=event,
        )

        return test_event_body
