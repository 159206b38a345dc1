from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.own_key_environment import OwnKeyEnvironment, check_own_key_environment
from ..models.scope import Scope, check_scope

if TYPE_CHECKING:
    from ..models.ancestor_key import AncestorKey
    from ..models.limit_usage import LimitUsage


T = TypeVar("T", bound="OwnKey")


@_attrs_define
class OwnKey:
    """What the asking key may do now: its own limits and those of all keys above it, together."""

    id: str
    """ Its id, key_…. """
    name: str
    """ Its name. """
    purpose: None | str
    """ What it is for, in its maker's words; null: not said. """
    environment: OwnKeyEnvironment
    """ The two are closed worlds; check it. """
    parents: list[AncestorKey]
    """ Nearest first. """
    paused: bool
    """ The key, or one above it: it reads only. """
    scopes: list[Scope]
    """ What it may do. """
    ip_allow_lists: list[list[str]]
    """ CIDRs; each list must have the caller's address. """
    platforms: list[str] | None
    """ The only ones; null: any. """
    recipients: list[str] | None
    """ The only ones, addresses and *@domain; null: anybody. """
    per_call_cents: int | None
    """ In US cents, calendar windows of UTC; null: no cap. """
    per_recipient_per_day_cents: int | None
    """ In US cents. """
    repeat_guard_s: int | None
    """ The same recipient, platform and amount again within so many seconds is refused; null: it is not. """
    approval_above_cents: int | None
    """ A send above it waits for a person. """
    approval_above_per_day_cents: int | None
    """ So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets
    any number of smaller sends pass. """
    limits: list[LimitUsage]
    """ What limits it and the keys above it, and what is left. """
    max_now_cents: int | None
    """ The most that one spend may take now, as far as limits go; null: any. """
    expires_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        purpose: None | str
        purpose = self.purpose

        environment: str = self.environment

        parents = []
        for parents_item_data in self.parents:
            parents_item = parents_item_data.to_dict()
            parents.append(parents_item)

        paused = self.paused

        scopes = []
        for scopes_item_data in self.scopes:
            scopes_item: str = scopes_item_data
            scopes.append(scopes_item)

        ip_allow_lists = []
        for ip_allow_lists_item_data in self.ip_allow_lists:
            ip_allow_lists_item = ip_allow_lists_item_data

            ip_allow_lists.append(ip_allow_lists_item)

        platforms: list[str] | None
        if isinstance(self.platforms, list):
            platforms = self.platforms

        else:
            platforms = self.platforms

        recipients: list[str] | None
        if isinstance(self.recipients, list):
            recipients = self.recipients

        else:
            recipients = self.recipients

        per_call_cents: int | None
        per_call_cents = self.per_call_cents

        per_recipient_per_day_cents: int | None
        per_recipient_per_day_cents = self.per_recipient_per_day_cents

        repeat_guard_s: int | None
        repeat_guard_s = self.repeat_guard_s

        approval_above_cents: int | None
        approval_above_cents = self.approval_above_cents

        approval_above_per_day_cents: int | None
        approval_above_per_day_cents = self.approval_above_per_day_cents

        limits = []
        for limits_item_data in self.limits:
            limits_item = limits_item_data.to_dict()
            limits.append(limits_item)

        max_now_cents: int | None
        max_now_cents = self.max_now_cents

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "purpose": purpose,
                "environment": environment,
                "parents": parents,
                "paused": paused,
                "scopes": scopes,
                "ip_allow_lists": ip_allow_lists,
                "platforms": platforms,
                "recipients": recipients,
                "per_call_cents": per_call_cents,
                "per_recipient_per_day_cents": per_recipient_per_day_cents,
                "repeat_guard_s": repeat_guard_s,
                "approval_above_cents": approval_above_cents,
                "approval_above_per_day_cents": approval_above_per_day_cents,
                "limits": limits,
                "max_now_cents": max_now_cents,
                "expires_at": expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ancestor_key import AncestorKey  # noqa: PLC0415
        from ..models.limit_usage import LimitUsage  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        def _parse_purpose(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        purpose = _parse_purpose(d.pop("purpose"))

        environment = check_own_key_environment(d.pop("environment"))

        parents = []
        _parents = d.pop("parents")
        for parents_item_data in _parents:
            parents_item = AncestorKey.from_dict(parents_item_data)

            parents.append(parents_item)

        paused = d.pop("paused")

        scopes = []
        _scopes = d.pop("scopes")
        for scopes_item_data in _scopes:
            scopes_item = check_scope(scopes_item_data)

            scopes.append(scopes_item)

        ip_allow_lists = []
        _ip_allow_lists = d.pop("ip_allow_lists")
        for ip_allow_lists_item_data in _ip_allow_lists:
            ip_allow_lists_item = cast(list[str], ip_allow_lists_item_data)

            ip_allow_lists.append(ip_allow_lists_item)

        def _parse_platforms(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                platforms_type_0 = cast(list[str], data)

                return platforms_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        platforms = _parse_platforms(d.pop("platforms"))

        def _parse_recipients(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                recipients_type_0 = cast(list[str], data)

                return recipients_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        recipients = _parse_recipients(d.pop("recipients"))

        def _parse_per_call_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        per_call_cents = _parse_per_call_cents(d.pop("per_call_cents"))

        def _parse_per_recipient_per_day_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        per_recipient_per_day_cents = _parse_per_recipient_per_day_cents(
            d.pop("per_recipient_per_day_cents")
        )

        def _parse_repeat_guard_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        repeat_guard_s = _parse_repeat_guard_s(d.pop("repeat_guard_s"))

        def _parse_approval_above_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        approval_above_cents = _parse_approval_above_cents(d.pop("approval_above_cents"))

        def _parse_approval_above_per_day_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        approval_above_per_day_cents = _parse_approval_above_per_day_cents(
            d.pop("approval_above_per_day_cents")
        )

        limits = []
        _limits = d.pop("limits")
        for limits_item_data in _limits:
            limits_item = LimitUsage.from_dict(limits_item_data)

            limits.append(limits_item)

        def _parse_max_now_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_now_cents = _parse_max_now_cents(d.pop("max_now_cents"))

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        own_key = cls(
            id=id,
            name=name,
            purpose=purpose,
            environment=environment,
            parents=parents,
            paused=paused,
            scopes=scopes,
            ip_allow_lists=ip_allow_lists,
            platforms=platforms,
            recipients=recipients,
            per_call_cents=per_call_cents,
            per_recipient_per_day_cents=per_recipient_per_day_cents,
            repeat_guard_s=repeat_guard_s,
            approval_above_cents=approval_above_cents,
            approval_above_per_day_cents=approval_above_per_day_cents,
            limits=limits,
            max_now_cents=max_now_cents,
            expires_at=expires_at,
        )

        own_key.additional_properties = d
        return own_key

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
