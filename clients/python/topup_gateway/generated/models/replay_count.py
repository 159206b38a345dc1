from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_type import EventType, check_event_type

T = TypeVar("T", bound="ReplayCount")


@_attrs_define
class ReplayCount:
    """What a replay would match: nothing was sent."""

    dry_run: bool
    """ Only say what would happen; nothing is done. """
    matched: int
    """ How many deliveries it matches. """
    rate_per_s: int
    """ At most so many deliveries in a second. """
    endpoint_id: str
    """ The webhook endpoint's id. """
    delivery_status: str
    """ Which deliveries are sent again, by their status. """
    events: list[EventType]
    """ Event types; empty: all. """
    like: None | str
    """ The failed delivery that the others were answered like; null: whatever was answered. """
    since: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    until: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        dry_run = self.dry_run

        matched = self.matched

        rate_per_s = self.rate_per_s

        endpoint_id = self.endpoint_id

        delivery_status = self.delivery_status

        events = []
        for events_item_data in self.events:
            events_item: str = events_item_data
            events.append(events_item)

        like: None | str
        like = self.like

        since = self.since.isoformat()

        until = self.until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "dry_run": dry_run,
                "matched": matched,
                "rate_per_s": rate_per_s,
                "endpoint_id": endpoint_id,
                "delivery_status": delivery_status,
                "events": events,
                "like": like,
                "since": since,
                "until": until,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        dry_run = d.pop("dry_run")

        matched = d.pop("matched")

        rate_per_s = d.pop("rate_per_s")

        endpoint_id = d.pop("endpoint_id")

        delivery_status = d.pop("delivery_status")

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = check_event_type(events_item_data)

            events.append(events_item)

        def _parse_like(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        like = _parse_like(d.pop("like"))

        since = datetime.datetime.fromisoformat(d.pop("since"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        replay_count = cls(
            dry_run=dry_run,
            matched=matched,
            rate_per_s=rate_per_s,
            endpoint_id=endpoint_id,
            delivery_status=delivery_status,
            events=events,
            like=like,
            since=since,
            until=until,
        )

        replay_count.additional_properties = d
        return replay_count

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
