from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="KeyCaps")


@_attrs_define
class KeyCaps:
    """What a key may spend, in calendar windows of UTC; null: no cap of its own."""

    per_call_cents: int | None
    """ In US cents, calendar windows of UTC; null: no cap. """
    per_day_cents: int | None
    """ In US cents, calendar windows of UTC; null: no cap. """
    per_month_cents: int | None
    """ In US cents, calendar windows of UTC; null: no cap. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        per_call_cents: int | None
        per_call_cents = self.per_call_cents

        per_day_cents: int | None
        per_day_cents = self.per_day_cents

        per_month_cents: int | None
        per_month_cents = self.per_month_cents

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "per_call_cents": per_call_cents,
                "per_day_cents": per_day_cents,
                "per_month_cents": per_month_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_per_call_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        per_call_cents = _parse_per_call_cents(d.pop("per_call_cents"))

        def _parse_per_day_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        per_day_cents = _parse_per_day_cents(d.pop("per_day_cents"))

        def _parse_per_month_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        per_month_cents = _parse_per_month_cents(d.pop("per_month_cents"))

        key_caps = cls(
            per_call_cents=per_call_cents,
            per_day_cents=per_day_cents,
            per_month_cents=per_month_cents,
        )

        key_caps.additional_properties = d
        return key_caps

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
