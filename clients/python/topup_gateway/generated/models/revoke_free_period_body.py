from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="RevokeFreePeriodBody")


@_attrs_define
class RevokeFreePeriodBody:
    """Why a free period is taken back."""

    reason: str
    """ Why, for whoever looks at it later; it stands in the audit log. """
    allow_owed: bool | Unset = UNSET
    """ Also where its credit was used up: the account owes the rest. Default: false. """

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        allow_owed = self.allow_owed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reason": reason,
            }
        )
        if allow_owed is not UNSET:
            field_dict["allow_owed"] = allow_owed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reason = d.pop("reason")

        allow_owed = d.pop("allow_owed", UNSET)

        revoke_free_period_body = cls(
            reason=reason,
            allow_owed=allow_owed,
        )

        return revoke_free_period_body
