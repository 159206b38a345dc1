from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.bulk_item import BulkItem


T = TypeVar("T", bound="BulkBody")


@_attrs_define
class BulkBody:
    """Many sends. As CSV each line is an item, and the two options are query parameters."""

    items: list[BulkItem]
    """ The sends. """
    all_or_nothing: bool | Unset = UNSET
    """ Accept all items or none. Default: false. """
    dry_run: bool | Unset = UNSET
    """ Only say what it would cost and which items are wrong. Default: false. """

    def to_dict(self) -> dict[str, Any]:
        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        all_or_nothing = self.all_or_nothing

        dry_run = self.dry_run

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "items": items,
            }
        )
        if all_or_nothing is not UNSET:
            field_dict["all_or_nothing"] = all_or_nothing
        if dry_run is not UNSET:
            field_dict["dry_run"] = dry_run

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.bulk_item import BulkItem  # noqa: PLC0415

        d = dict(src_dict)
        items = []
        _items = d.pop("items")
        for items_item_data in _items:
            items_item = BulkItem.from_dict(items_item_data)

            items.append(items_item)

        all_or_nothing = d.pop("all_or_nothing", UNSET)

        dry_run = d.pop("dry_run", UNSET)

        bulk_body = cls(
            items=items,
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
        )

        return bulk_body
