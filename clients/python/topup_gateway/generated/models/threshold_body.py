from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ThresholdBody")


@_attrs_define
class ThresholdBody:
    """When balance.low fires, in cents: one threshold, 0 for none, or a list of several."""

    low_balance_threshold_cents: int | None | Unset = UNSET
    """ One threshold, in US cents; 0: none. """
    low_balance_thresholds_cents: list[int] | None | Unset = UNSET
    """ Several thresholds, in US cents; empty: none. """

    def to_dict(self) -> dict[str, Any]:
        low_balance_threshold_cents: int | None | Unset
        if isinstance(self.low_balance_threshold_cents, Unset):
            low_balance_threshold_cents = UNSET
        else:
            low_balance_threshold_cents = self.low_balance_threshold_cents

        low_balance_thresholds_cents: list[int] | None | Unset
        if isinstance(self.low_balance_thresholds_cents, Unset):
            low_balance_thresholds_cents = UNSET
        elif isinstance(self.low_balance_thresholds_cents, list):
            low_balance_thresholds_cents = self.low_balance_thresholds_cents

        else:
            low_balance_thresholds_cents = self.low_balance_thresholds_cents

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if low_balance_threshold_cents is not UNSET:
            field_dict["low_balance_threshold_cents"] = low_balance_threshold_cents
        if low_balance_thresholds_cents is not UNSET:
            field_dict["low_balance_thresholds_cents"] = low_balance_thresholds_cents

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_low_balance_threshold_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        low_balance_threshold_cents = _parse_low_balance_threshold_cents(
            d.pop("low_balance_threshold_cents", UNSET)
        )

        def _parse_low_balance_thresholds_cents(data: object) -> list[int] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                low_balance_thresholds_cents_type_0 = cast(list[int], data)

                return low_balance_thresholds_cents_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[int] | None | Unset, data)

        low_balance_thresholds_cents = _parse_low_balance_thresholds_cents(
            d.pop("low_balance_thresholds_cents", UNSET)
        )

        threshold_body = cls(
            low_balance_threshold_cents=low_balance_threshold_cents,
            low_balance_thresholds_cents=low_balance_thresholds_cents,
        )

        return threshold_body
