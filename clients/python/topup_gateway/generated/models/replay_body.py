from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.event_type import EventType, check_event_type
from ..models.replay_body_status import ReplayBodyStatus, check_replay_body_status
from ..types import UNSET, Unset

T = TypeVar("T", bound="ReplayBody")


@_attrs_define
class ReplayBody:
    """Which deliveries are sent again, and how fast."""

    since: datetime.datetime | None | Unset = UNSET
    """ From this time on; left out: from the first delivery. """
    until: datetime.datetime | None | Unset = UNSET
    """ Until this time; left out: until now. """
    status: ReplayBodyStatus | Unset = UNSET
    """ Deliveries in this state. Default: "failed". """
    events: list[EventType] | Unset = UNSET
    """ Deliveries of events of these types; empty: of all. """
    rate_per_s: int | None | Unset = UNSET
    """ How many a second at most; left out: 50. """
    like: None | str | Unset = UNSET
    """ The id of a failed delivery: only those that were answered as it was, so with the same status, error and
    words. An endpoint's health names one of each kind. """
    ramp: bool | Unset = UNSET
    """ Send one first, and twice as many each time all have arrived; the first that is not taken pauses the replay.
    Default: false. """
    dry_run: bool | Unset = UNSET
    """ Only count. Default: false. """

    def to_dict(self) -> dict[str, Any]:
        since: None | str | Unset
        if isinstance(self.since, Unset):
            since = UNSET
        elif isinstance(self.since, datetime.datetime):
            since = self.since.isoformat()
        else:
            since = self.since

        until: None | str | Unset
        if isinstance(self.until, Unset):
            until = UNSET
        elif isinstance(self.until, datetime.datetime):
            until = self.until.isoformat()
        else:
            until = self.until

        status: str | Unset = UNSET
        if not isinstance(self.status, Unset):
            status = self.status

        events: list[str] | Unset = UNSET
        if not isinstance(self.events, Unset):
            events = []
            for events_item_data in self.events:
                events_item: str = events_item_data
                events.append(events_item)

        rate_per_s: int | None | Unset
        if isinstance(self.rate_per_s, Unset):
            rate_per_s = UNSET
        else:
            rate_per_s = self.rate_per_s

        like: None | str | Unset
        if isinstance(self.like, Unset):
            like = UNSET
        else:
            like = self.like

        ramp = self.ramp

        dry_run = self.dry_run

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if since is not UNSET:
            field_dict["since"] = since
        if until is not UNSET:
            field_dict["until"] = until
        if status is not UNSET:
            field_dict["status"] = status
        if events is not UNSET:
            field_dict["events"] = events
        if rate_per_s is not UNSET:
            field_dict["rate_per_s"] = rate_per_s
        if like is not UNSET:
            field_dict["like"] = like
        if ramp is not UNSET:
            field_dict["ramp"] = ramp
        if dry_run is not UNSET:
            field_dict["dry_run"] = dry_run

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_since(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                since_type_0 = datetime.datetime.fromisoformat(data)

                return since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        since = _parse_since(d.pop("since", UNSET))

        def _parse_until(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                until_type_0 = datetime.datetime.fromisoformat(data)

                return until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        until = _parse_until(d.pop("until", UNSET))

        _status = d.pop("status", UNSET)
        status: ReplayBodyStatus | Unset
        if isinstance(_status, Unset):
            status = UNSET
        else:
            status = check_replay_body_status(_status)

        _events = d.pop("events", UNSET)
        events: list[EventType] | Unset = UNSET
        if _events is not UNSET:
            events = []
            for events_item_data in _events:
                events_item = check_event_type(events_item_data)

                events.append(events_item)

        def _parse_rate_per_s(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        rate_per_s = _parse_rate_per_s(d.pop("rate_per_s", UNSET))

        def _parse_like(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        like = _parse_like(d.pop("like", UNSET))

        ramp = d.pop("ramp", UNSET)

        dry_run = d.pop("dry_run", UNSET)

        replay_body = cls(
            since=since,
            until=until,
            status=status,
            events=events,
            rate_per_s=rate_per_s,
            like=like,
            ramp=ramp,
            dry_run=dry_run,
        )

        return replay_body
