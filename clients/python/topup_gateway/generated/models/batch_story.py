from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.batch_story_status import BatchStoryStatus, check_batch_story_status

if TYPE_CHECKING:
    from ..models.batch_counts import BatchCounts
    from ..models.batch_line_page import BatchLinePage


T = TypeVar("T", bound="BatchStory")


@_attrs_define
class BatchStory:
    """A bulk send with a page of its items, in the order in which they came."""

    id: str
    """ Its id, bat_…. """
    status: BatchStoryStatus
    """ Its state. """
    all_or_nothing: bool
    """ Whether all items are accepted or none is. """
    items_total: int
    """ How many items it has. """
    counts: BatchCounts
    """ A batch's items by where they are, and the cents of those that were accepted and delivered. """
    key_id: None | str
    """ That sent it; null: no key. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    accepted_at: datetime.datetime | None
    """ When every item was accepted or refused. """
    cancelled_at: datetime.datetime | None
    """ When somebody took it back. """
    completed_at: datetime.datetime | None
    """ When every item had ended. """
    items: BatchLinePage
    """ A page of a list. Give next_cursor as cursor for the next one; null: there is none. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str = self.status

        all_or_nothing = self.all_or_nothing

        items_total = self.items_total

        counts = self.counts.to_dict()

        key_id: None | str
        key_id = self.key_id

        created_at = self.created_at.isoformat()

        accepted_at: None | str
        if isinstance(self.accepted_at, datetime.datetime):
            accepted_at = self.accepted_at.isoformat()
        else:
            accepted_at = self.accepted_at

        cancelled_at: None | str
        if isinstance(self.cancelled_at, datetime.datetime):
            cancelled_at = self.cancelled_at.isoformat()
        else:
            cancelled_at = self.cancelled_at

        completed_at: None | str
        if isinstance(self.completed_at, datetime.datetime):
            completed_at = self.completed_at.isoformat()
        else:
            completed_at = self.completed_at

        items = self.items.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "all_or_nothing": all_or_nothing,
                "items_total": items_total,
                "counts": counts,
                "key_id": key_id,
                "created_at": created_at,
                "accepted_at": accepted_at,
                "cancelled_at": cancelled_at,
                "completed_at": completed_at,
                "items": items,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.batch_counts import BatchCounts  # noqa: PLC0415
        from ..models.batch_line_page import BatchLinePage  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        status = check_batch_story_status(d.pop("status"))

        all_or_nothing = d.pop("all_or_nothing")

        items_total = d.pop("items_total")

        counts = BatchCounts.from_dict(d.pop("counts"))

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_accepted_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                accepted_at_type_0 = datetime.datetime.fromisoformat(data)

                return accepted_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        accepted_at = _parse_accepted_at(d.pop("accepted_at"))

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

        def _parse_completed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                completed_at_type_0 = datetime.datetime.fromisoformat(data)

                return completed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        completed_at = _parse_completed_at(d.pop("completed_at"))

        items = BatchLinePage.from_dict(d.pop("items"))

        batch_story = cls(
            id=id,
            status=status,
            all_or_nothing=all_or_nothing,
            items_total=items_total,
            counts=counts,
            key_id=key_id,
            created_at=created_at,
            accepted_at=accepted_at,
            cancelled_at=cancelled_at,
            completed_at=completed_at,
            items=items,
        )

        batch_story.additional_properties = d
        return batch_story

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
