from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="AccountLimitsBody")


@_attrs_define
class AccountLimitsBody:
    """The account's own limit in this environment."""

    per_day_cents: int | None
    """ On one UTC day, by all credentials together; null: no limit. """

    def to_dict(self) -> dict[str, Any]:
        per_day_cents: int | None
        per_day_cents = self.per_day_cents

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "per_day_cents": per_day_cents,
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

        account_limits_body = cls(
            per_day_cents=per_day_cents,
        )

        return account_limits_body
