from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.limit_usage_cap import LimitUsageCap, check_limit_usage_cap
from ..models.limit_usage_unit import LimitUsageUnit, check_limit_usage_unit

T = TypeVar("T", bound="LimitUsage")


@_attrs_define
class LimitUsage:
    """A limit, what is used of it and what is left."""

    key_id: None | str
    """ The key whose it is; null: the account's own. """
    cap: LimitUsageCap
    """ Which limit it is. """
    unit: LimitUsageUnit
    """ Of limit, spent and remaining: US cents. """
    seconds: int | None
    """ The length of a rolling window. """
    limit: int
    """ The most, in its unit. """
    spent: int
    """ By the key and its descendants, rounded up. """
    remaining: int
    """ Rounded down. """
    resets_at: datetime.datetime | None
    """ When all of it is free again; null: never. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        key_id: None | str
        key_id = self.key_id

        cap: str = self.cap

        unit: str = self.unit

        seconds: int | None
        seconds = self.seconds

        limit = self.limit

        spent = self.spent

        remaining = self.remaining

        resets_at: None | str
        if isinstance(self.resets_at, datetime.datetime):
            resets_at = self.resets_at.isoformat()
        else:
            resets_at = self.resets_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "key_id": key_id,
                "cap": cap,
                "unit": unit,
                "seconds": seconds,
                "limit": limit,
                "spent": spent,
                "remaining": remaining,
                "resets_at": resets_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        cap = check_limit_usage_cap(d.pop("cap"))

        unit = check_limit_usage_unit(d.pop("unit"))

        def _parse_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        seconds = _parse_seconds(d.pop("seconds"))

        limit = d.pop("limit")

        spent = d.pop("spent")

        remaining = d.pop("remaining")

        def _parse_resets_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                resets_at_type_0 = datetime.datetime.fromisoformat(data)

                return resets_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        resets_at = _parse_resets_at(d.pop("resets_at"))

        limit_usage = cls(
            key_id=key_id,
            cap=cap,
            unit=unit,
            seconds=seconds,
            limit=limit,
            spent=spent,
            remaining=remaining,
            resets_at=resets_at,
        )

        limit_usage.additional_properties = d
        return limit_usage

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
