from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_api_version import EventApiVersion, check_event_api_version
from ..models.event_environment import EventEnvironment, check_event_environment
from ..models.event_type import EventType, check_event_type
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.event_data import EventData


T = TypeVar("T", bound="Event")


@_attrs_define
class Event:
    """An event: the exact body that its webhooks carry."""

    id: str
    """ Its id, evt_…. """
    type_: EventType
    """ What happened; GET /docs/events describes each. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    environment: EventEnvironment
    """ The two are closed worlds; check it. """
    api_version: EventApiVersion
    """ The version of the event's shape. """
    data: EventData
    """ By type; see the webhooks of this document. """
    sequence: int | Unset = UNSET
    """ The event's number in its account and environment: without a gap, in the order in which things happened. Of
    two events about one object the greater one is the later. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        type_: str = self.type_

        created_at = self.created_at.isoformat()

        environment: str = self.environment

        api_version: str = self.api_version

        data = self.data.to_dict()

        sequence = self.sequence

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "type": type_,
                "created_at": created_at,
                "environment": environment,
                "api_version": api_version,
                "data": data,
            }
        )
        if sequence is not UNSET:
            field_dict["sequence"] = sequence

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event_data import EventData  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        type_ = check_event_type(d.pop("type"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        environment = check_event_environment(d.pop("environment"))

        api_version = check_event_api_version(d.pop("api_version"))

        data = EventData.from_dict(d.pop("data"))

        sequence = d.pop("sequence", UNSET)

        event = cls(
            id=id,
            type_=type_,
            created_at=created_at,
            environment=environment,
            api_version=api_version,
            data=data,
            sequence=sequence,
        )

        event.additional_properties = d
        return event

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
