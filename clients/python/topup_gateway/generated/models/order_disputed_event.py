from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_disputed_event_environment import (
    OrderDisputedEventEnvironment,
    check_order_disputed_event_environment,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.disputed_order_event_data import DisputedOrderEventData


T = TypeVar("T", bound="OrderDisputedEvent")


@_attrs_define
class OrderDisputedEvent:
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """ Remember it. """
    type_: Literal["order.disputed"]
    """ Which event it is. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    environment: OrderDisputedEventEnvironment
    """ The two are closed worlds; check it. """
    api_version: Literal["v1"]
    """ The version of the event's shape. """
    data: DisputedOrderEventData
    """ An order whose payment the payer's bank took, in part or in full. refunded_cents 0: no more is gone now. """
    sequence: int | Unset = UNSET
    """ The event's number in its account and environment: without a gap, in the order in which things happened. Of
    two events about one object the greater one is the later. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        type_ = self.type_

        created_at = self.created_at.isoformat()

        environment: str = self.environment

        api_version = self.api_version

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
        from ..models.disputed_order_event_data import DisputedOrderEventData  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        type_ = cast(Literal["order.disputed"], d.pop("type"))
        if type_ != "order.disputed":
            raise ValueError(f"type must match const 'order.disputed', got '{type_}'")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        environment = check_order_disputed_event_environment(d.pop("environment"))

        api_version = cast(Literal["v1"], d.pop("api_version"))
        if api_version != "v1":
            raise ValueError(f"api_version must match const 'v1', got '{api_version}'")

        data = DisputedOrderEventData.from_dict(d.pop("data"))

        sequence = d.pop("sequence", UNSET)

        order_disputed_event = cls(
            id=id,
            type_=type_,
            created_at=created_at,
            environment=environment,
            api_version=api_version,
            data=data,
            sequence=sequence,
        )

        order_disputed_event.additional_properties = d
        return order_disputed_event

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
