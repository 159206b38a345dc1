from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.completed_batch_event_data_status import (
    CompletedBatchEventDataStatus,
    check_completed_batch_event_data_status,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.batch_counts import BatchCounts


T = TypeVar("T", bound="CompletedBatchEventData")


@_attrs_define
class CompletedBatchEventData:
    """A bulk send of which every item has ended. status refused: none of it was accepted."""

    id: str
    """ Its id, bat_…. """
    status: CompletedBatchEventDataStatus
    """ Its state. """
    all_or_nothing: bool
    """ Whether all items are accepted or none is. """
    items: int
    """ How many items it had. """
    counts: BatchCounts
    """ A batch's items by where they are, and the cents of those that were accepted and delivered. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    cancelled_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    completed_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str = self.status

        all_or_nothing = self.all_or_nothing

        items = self.items

        counts = self.counts.to_dict()

        created_at = self.created_at.isoformat()

        cancelled_at: None | str
        if isinstance(self.cancelled_at, datetime.datetime):
            cancelled_at = self.cancelled_at.isoformat()
        else:
            cancelled_at = self.cancelled_at

        completed_at = self.completed_at.isoformat()

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "all_or_nothing": all_or_nothing,
                "items": items,
                "counts": counts,
                "created_at": created_at,
                "cancelled_at": cancelled_at,
                "completed_at": completed_at,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.batch_counts import BatchCounts  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        status = check_completed_batch_event_data_status(d.pop("status"))

        all_or_nothing = d.pop("all_or_nothing")

        items = d.pop("items")

        counts = BatchCounts.from_dict(d.pop("counts"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_cancelled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                cancelled_at_type_0 = datetime.datetime.fromisoformat(data)

                return cancelled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        cancelled_at = _parse_cancelled_at(d.pop("cancelled_at"))

        completed_at = datetime.datetime.fromisoformat(d.pop("completed_at"))

        test = d.pop("test", UNSET)

        completed_batch_event_data = cls(
            id=id,
            status=status,
            all_or_nothing=all_or_nothing,
            items=items,
            counts=counts,
            created_at=created_at,
            cancelled_at=cancelled_at,
            completed_at=completed_at,
            test=test,
        )

        completed_batch_event_data.additional_properties = d
        return completed_batch_event_data

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
