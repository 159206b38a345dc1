from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_status import DeliveryStatus, check_delivery_status
from ..models.event_type import EventType, check_event_type

T = TypeVar("T", bound="Delivery")


@_attrs_define
class Delivery:
    """One event to one endpoint. next_attempt_at is null unless it is pending and waits for no other."""

    id: str
    """ Its id, dlv_…. """
    event_id: str
    """ The event's id. """
    event_type: EventType
    """ What happened; GET /docs/events describes each. """
    endpoint_id: str
    """ The webhook endpoint's id. """
    transaction_id: None | str
    """ The top-up's id. """
    status: DeliveryStatus
    """ Its state. """
    attempts_made: int
    """ How many attempts were made. """
    next_attempt_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    replay_of: None | str
    """ The delivery that it sends again; null: none. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    key_id: None | str
    """ That sent the top-up it tells of; null: no key, no top-up. """
    key_name: None | str
    """ What that key was called then. """
    blocked_by: None | str
    """ The delivery that has to end first: of an earlier event of the same object, to an `ordered` webhook; null:
    none. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        event_id = self.event_id

        event_type: str = self.event_type

        endpoint_id = self.endpoint_id

        transaction_id: None | str
        transaction_id = self.transaction_id

        status: str = self.status

        attempts_made = self.attempts_made

        next_attempt_at: None | str
        if isinstance(self.next_attempt_at, datetime.datetime):
            next_attempt_at = self.next_attempt_at.isoformat()
        else:
            next_attempt_at = self.next_attempt_at

        replay_of: None | str
        replay_of = self.replay_of

        created_at = self.created_at.isoformat()

        key_id: None | str
        key_id = self.key_id

        key_name: None | str
        key_name = self.key_name

        blocked_by: None | str
        blocked_by = self.blocked_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "event_id": event_id,
                "event_type": event_type,
                "endpoint_id": endpoint_id,
                "transaction_id": transaction_id,
                "status": status,
                "attempts_made": attempts_made,
                "next_attempt_at": next_attempt_at,
                "replay_of": replay_of,
                "created_at": created_at,
                "key_id": key_id,
                "key_name": key_name,
                "blocked_by": blocked_by,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        event_id = d.pop("event_id")

        event_type = check_event_type(d.pop("event_type"))

        endpoint_id = d.pop("endpoint_id")

        def _parse_transaction_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        transaction_id = _parse_transaction_id(d.pop("transaction_id"))

        status = check_delivery_status(d.pop("status"))

        attempts_made = d.pop("attempts_made")

        def _parse_next_attempt_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_attempt_at_type_0 = datetime.datetime.fromisoformat(data)

                return next_attempt_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        next_attempt_at = _parse_next_attempt_at(d.pop("next_attempt_at"))

        def _parse_replay_of(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        replay_of = _parse_replay_of(d.pop("replay_of"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        def _parse_key_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_name = _parse_key_name(d.pop("key_name"))

        def _parse_blocked_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        blocked_by = _parse_blocked_by(d.pop("blocked_by"))

        delivery = cls(
            id=id,
            event_id=event_id,
            event_type=event_type,
            endpoint_id=endpoint_id,
            transaction_id=transaction_id,
            status=status,
            attempts_made=attempts_made,
            next_attempt_at=next_attempt_at,
            replay_of=replay_of,
            created_at=created_at,
            key_id=key_id,
            key_name=key_name,
            blocked_by=blocked_by,
        )

        delivery.additional_properties = d
        return delivery

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
