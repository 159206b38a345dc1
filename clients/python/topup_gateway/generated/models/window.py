from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.window_period import WindowPeriod, check_window_period

T = TypeVar("T", bound="Window")


@_attrs_define
class Window:
    """A spend cap and what is left of it, the tightest of the key and its ancestors."""

    period: WindowPeriod
    """ The UTC day or month. """
    cap_cents: int
    """ In US cents. """
    spent_cents: int
    """ In US cents. """
    remaining_cents: int
    """ In US cents. """
    resets_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        period: str = self.period

        cap_cents = self.cap_cents

        spent_cents = self.spent_cents

        remaining_cents = self.remaining_cents

        resets_at = self.resets_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "period": period,
                "cap_cents": cap_cents,
                "spent_cents": spent_cents,
                "remaining_cents": remaining_cents,
                "resets_at": resets_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        period = check_window_period(d.pop("period"))

        cap_cents = d.pop("cap_cents")

        spent_cents = d.pop("spent_cents")

        remaining_cents = d.pop("remaining_cents")

        resets_at = datetime.datetime.fromisoformat(d.pop("resets_at"))

        window = cls(
            period=period,
            cap_cents=cap_cents,
            spent_cents=spent_cents,
            remaining_cents=remaining_cents,
            resets_at=resets_at,
        )

        window.additional_properties = d
        return window

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
