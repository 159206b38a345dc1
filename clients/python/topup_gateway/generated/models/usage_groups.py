from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.usage_groups_group_by import UsageGroupsGroupBy, check_usage_groups_group_by

if TYPE_CHECKING:
    from ..models.usage_group import UsageGroup


T = TypeVar("T", bound="UsageGroups")


@_attrs_define
class UsageGroups:
    """Sums of whole UTC days: days newest first, models and keys by their amounts. to is exclusive."""

    group_by: UsageGroupsGroupBy
    """ What each group is of. """
    from_: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    to: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    total: UsageGroup
    """ What a group adds up to; of day, model and key_id with app_id those are set that it is grouped by.

        All null: of the total, or of what named none. """
    items: list[UsageGroup]
    """ This page's groups. """
    next_cursor: None | str
    """ Give it as cursor for the next page; null: there is none. """
    has_more: bool
    """ Whether there is another page. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        group_by: str = self.group_by

        from_ = self.from_.isoformat()

        to = self.to.isoformat()

        total = self.total.to_dict()

        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        next_cursor: None | str
        next_cursor = self.next_cursor

        has_more = self.has_more

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "group_by": group_by,
                "from": from_,
                "to": to,
                "total": total,
                "items": items,
                "next_cursor": next_cursor,
                "has_more": has_more,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.usage_group import UsageGroup  # noqa: PLC0415

        d = dict(src_dict)
        group_by = check_usage_groups_group_by(d.pop("group_by"))

        from_ = datetime.datetime.fromisoformat(d.pop("from"))

        to = datetime.datetime.fromisoformat(d.pop("to"))

        total = UsageGroup.from_dict(d.pop("total"))

        items = []
        _items = d.pop("items")
        for items_item_data in _items:
            items_item = UsageGroup.from_dict(items_item_data)

            items.append(items_item)

        def _parse_next_cursor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        next_cursor = _parse_next_cursor(d.pop("next_cursor"))

        has_more = d.pop("has_more")

        usage_groups = cls(
            group_by=group_by,
            from_=from_,
            to=to,
            total=total,
            items=items,
            next_cursor=next_cursor,
            has_more=has_more,
        )

        usage_groups.additional_properties = d
        return usage_groups

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
