from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.cli_login_pending_next_action import (
    CliLoginPendingNextAction,
    check_cli_login_pending_next_action,
)
from ..models.cli_login_pending_reason import CliLoginPendingReason, check_cli_login_pending_reason

T = TypeVar("T", bound="CliLoginPending")


@_attrs_define
class CliLoginPending:
    """Nobody has decided yet: ask again."""

    reason: CliLoginPendingReason
    """ The word of RFC 8628. Default: "authorization_pending". """
    interval: int
    """ How many seconds to wait before the next poll. """
    expires_in: int
    """ For how many more seconds the codes count. """
    next_action: CliLoginPendingNextAction
    """ Ask the same again. Default: "poll". """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        reason: str = self.reason

        interval = self.interval

        expires_in = self.expires_in

        next_action: str = self.next_action

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "reason": reason,
                "interval": interval,
                "expires_in": expires_in,
                "next_action": next_action,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reason = check_cli_login_pending_reason(d.pop("reason"))

        interval = d.pop("interval")

        expires_in = d.pop("expires_in")

        next_action = check_cli_login_pending_next_action(d.pop("next_action"))

        cli_login_pending = cls(
            reason=reason,
            interval=interval,
            expires_in=expires_in,
            next_action=next_action,
        )

        cli_login_pending.additional_properties = d
        return cli_login_pending

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
