from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AccountLimits")


@_attrs_define
class AccountLimits:
    """What binds all credentials of the account together, in this environment."""

    per_day_cents: int | None
    """ On one UTC day, by all of them; null: no such limit. """
    spent_cents: int | None
    """ Today, since the limit is there; null without one. """
    remaining_cents: int | None
    """ In US cents. """
    resets_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        per_day_cents: int | None
        per_day_cents = self.per_day_cents

        spent_cents: int | None
        spent_cents = self.spent_cents

        remaining_cents: int | None
        remaining_cents = self.remaining_cents

        resets_at: None | str
        if isinstance(self.resets_at, datetime.datetime):
            resets_at = self.resets_at.isoformat()
        else:
            resets_at = self.resets_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "per_day_cents": per_day_cents,
                "spent_cents": spent_cents,
                "remaining_cents": remaining_cents,
                "resets_at": resets_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_per_day_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        per_day_cents = _parse_per_day_cents(d.pop("per_day_cents"))

        def _parse_spent_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        spent_cents = _parse_spent_cents(d.pop("spent_cents"))

        def _parse_remaining_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        remaining_cents = _parse_remaining_cents(d.pop("remaining_cents"))

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

        account_limits = cls(
            per_day_cents=per_day_cents,
            spent_cents=spent_cents,
            remaining_cents=remaining_cents,
            resets_at=resets_at,
        )

        account_limits.additional_properties = d
        return account_limits

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
