from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_type import EventType, check_event_type
from ..models.replay_paused_reason_type_0 import (
    ReplayPausedReasonType0,
    check_replay_paused_reason_type_0,
)
from ..models.replay_status import ReplayStatus, check_replay_status

T = TypeVar("T", bound="Replay")


@_attrs_define
class Replay:
    """A job that sends deliveries again, at most rate_per_s a second."""

    id: str
    """ Its id, rpl_…. """
    status: ReplayStatus
    """ Its state. """
    paused_reason: None | ReplayPausedReasonType0
    """ Failing: its ramp met one that was not taken. Null: a person paused it, if at all. """
    matched: int
    """ How many deliveries it matches. """
    queued: int
    """ How many were put in the queue so far. """
    done: int
    """ How many of those have arrived, or have failed again. """
    delivered: int
    """ How many arrived. """
    failed: int
    """ How many failed again, after all their tries. """
    rate_per_s: int
    """ At most so many deliveries in a second. """
    ramp: bool
    """ Whether it began with one, and then more. """
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
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    expected_end_at: datetime.datetime | None
    """ When it is done at the pace so far; null: it is not running, or it is too early to say. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str = self.status

        paused_reason: None | str
        if isinstance(self.paused_reason, str):
            paused_reason = self.paused_reason
        else:
            paused_reason = self.paused_reason

        matched = self.matched

        queued = self.queued

        done = self.done

        delivered = self.delivered

        failed = self.failed

        rate_per_s = self.rate_per_s

        ramp = self.ramp

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

        created_at = self.created_at.isoformat()

        expected_end_at: None | str
        if isinstance(self.expected_end_at, datetime.datetime):
            expected_end_at = self.expected_end_at.isoformat()
        else:
            expected_end_at = self.expected_end_at

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
                "paused_reason": paused_reason,
                "matched": matched,
                "queued": queued,
                "done": done,
                "delivered": delivered,
                "failed": failed,
                "rate_per_s": rate_per_s,
                "ramp": ramp,
                "endpoint_id": endpoint_id,
                "delivery_status": delivery_status,
                "events": events,
                "like": like,
                "since": since,
                "until": until,
                "created_at": created_at,
                "expected_end_at": expected_end_at,
                "ended_at": ended_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        status = check_replay_status(d.pop("status"))

        def _parse_paused_reason(data: object) -> None | ReplayPausedReasonType0:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                paused_reason_type_0 = check_replay_paused_reason_type_0(data)

                return paused_reason_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ReplayPausedReasonType0, data)

        paused_reason = _parse_paused_reason(d.pop("paused_reason"))

        matched = d.pop("matched")

        queued = d.pop("queued")

        done = d.pop("done")

        delivered = d.pop("delivered")

        failed = d.pop("failed")

        rate_per_s = d.pop("rate_per_s")

        ramp = d.pop("ramp")

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

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_expected_end_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expected_end_at_type_0 = datetime.datetime.fromisoformat(data)

                return expected_end_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expected_end_at = _parse_expected_end_at(d.pop("expected_end_at"))

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

        replay = cls(
            id=id,
            status=status,
            paused_reason=paused_reason,
            matched=matched,
            queued=queued,
            done=done,
            delivered=delivered,
            failed=failed,
            rate_per_s=rate_per_s,
            ramp=ramp,
            endpoint_id=endpoint_id,
            delivery_status=delivery_status,
            events=events,
            like=like,
            since=since,
            until=until,
            created_at=created_at,
            expected_end_at=expected_end_at,
            ended_at=ended_at,
        )

        replay.additional_properties = d
        return replay

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
