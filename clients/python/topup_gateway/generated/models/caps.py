from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Caps")


@_attrs_define
class Caps:
    """Spend caps in cents, as a listed key shows them."""

    per_call_cents: int | None | Unset = UNSET
    """ In US cents, calendar windows of UTC; null: no cap. """
    per_day_cents: int | None | Unset = UNSET
    """ In US cents, calendar windows of UTC; null: no cap. """
    per_month_cents: int | None | Unset = UNSET
    """ In US cents, calendar windows of UTC; null: no cap. """

    def to_dict(self) -> dict[str, Any]:
        per_call_cents: int | None | Unset
        if isinstance(self.per_call_cents, Unset):
            per_call_cents = UNSET
        else:
            per_call_cents = self.per_call_cents

        per_day_cents: int | None | Unset
        if isinstance(self.per_day_cents, Unset):
            per_day_cents = UNSET
        else:
            per_day_cents = self.per_day_cents

        per_month_cents: int | None | Unset
        if isinstance(self.per_month_cents, Unset):
            per_month_cents = UNSET
        else:
            per_month_cents = self.per_month_cents

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if per_call_cents is not UNSET:
            field_dict["per_call_cents"] = per_call_cents
        if per_day_cents is not UNSET:
            field_dict["per_day_cents"] = per_day_cents
        if per_month_cents is not UNSET:
            field_dict["per_month_cents"] = per_month_cents

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_per_call_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        per_call_cents = _parse_per_call_cents(d.pop("per_call_cents", UNSET))

        def _parse_per_day_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        per_day_cents = _parse_per_day_cents(d.pop("per_day_cents", UNSET))

        def _parse_per_month_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        per_month_cents = _parse_per_month_cents(d.pop("per_month_cents", UNSET))

        caps = cls(
            per_call_cents=per_call_cents,
            per_day_cents=per_day_cents,
            per_month_cents=per_month_cents,
        )

        return caps
