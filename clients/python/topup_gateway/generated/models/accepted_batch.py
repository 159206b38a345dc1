from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.accepted_batch_next_action_type_0 import (
    AcceptedBatchNextActionType0,
    check_accepted_batch_next_action_type_0,
)
from ..models.accepted_batch_status import AcceptedBatchStatus, check_accepted_batch_status

if TYPE_CHECKING:
    from ..models.batch_counts import BatchCounts
    from ..models.item_error import ItemError
    from ..models.link import Link


T = TypeVar("T", bound="AcceptedBatch")


@_attrs_define
class AcceptedBatch:
    """A bulk send, and which of its items were refused."""

    id: str
    """ Its id, bat_…. """
    status: AcceptedBatchStatus
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
    errors: list[ItemError]
    """ The items that were refused. """
    next_action: AcceptedBatchNextActionType0 | None
    """ How to go on; fix_request: send the items of errors again, repaired, and no others. Null: it is over. """
    links: list[Link]
    """ What to poll, and how what is not delivered is taken back. """
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

        errors = []
        for errors_item_data in self.errors:
            errors_item = errors_item_data.to_dict()
            errors.append(errors_item)

        next_action: None | str
        if isinstance(self.next_action, str):
            next_action = self.next_action
        else:
            next_action = self.next_action

        links = []
        for links_item_data in self.links:
            links_item = links_item_data.to_dict()
            links.append(links_item)

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
                "errors": errors,
                "next_action": next_action,
                "links": links,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.batch_counts import BatchCounts  # noqa: PLC0415
        from ..models.item_error import ItemError  # noqa: PLC0415
        from ..models.link import Link  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        status = check_accepted_batch_status(d.pop("status"))

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

        errors = []
        _errors = d.pop("errors")
        for errors_item_data in _errors:
            errors_item = ItemError.from_dict(errors_item_data)

            errors.append(errors_item)

        def _parse_next_action(data: object) -> AcceptedBatchNextActionType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_action_type_0 = check_accepted_batch_next_action_type_0(data)

                return next_action_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AcceptedBatchNextActionType0 | None, data)

        next_action = _parse_next_action(d.pop("next_action"))

        links = []
        _links = d.pop("links")
        for links_item_data in _links:
            links_item = Link.from_dict(links_item_data)

            links.append(links_item)

        accepted_batch = cls(
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
            errors=errors,
            next_action=next_action,
            links=links,
        )

        accepted_batch.additional_properties = d
        return accepted_batch

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
