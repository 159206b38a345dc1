from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.created_key_environment import CreatedKeyEnvironment, check_created_key_environment
from ..models.scope import Scope, check_scope

if TYPE_CHECKING:
    from ..models.key_caps import KeyCaps
    from ..models.key_window import KeyWindow


T = TypeVar("T", bound="CreatedKey")


@_attrs_define
class CreatedKey:
    """A key just minted or rotated: `key` is its secret, shown this once."""

    id: str
    """ Its id, key_…. """
    parent_id: None | str
    """ The key that it comes from; null: none. """
    environment: CreatedKeyEnvironment
    """ The two are closed worlds; check it. """
    name: str
    """ Its name. """
    prefix: str
    """ The first 16 characters, to recognise it by. """
    last4: str
    """ The last 4 characters. """
    scopes: list[Scope]
    """ What it may do. """
    caps: KeyCaps
    """ What a key may spend, in calendar windows of UTC; null: no cap of its own. """
    ip_allow_list: list[str]
    """ Addresses or CIDRs; empty: any address. """
    approval_above_cents: int | None
    """ A send above it waits for a person. """
    approval_above_per_day_cents: int | None
    """ So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets
    any number of smaller sends pass. """
    approval_threshold_cents: int | None
    """ The old name of approval_above_cents. """
    purpose: None | str
    """ Its purpose, in your words. """
    client_id: None | str
    """ The MCP client that a person signed in with it: its id, or the address of its metadata document. Such a key
    has no secret: prefix and last4 are empty, and the client's tokens stand for it. null: any other key. """
    lifetime_cents: int | None
    """ The most that it may ever spend; what it spent before counts. """
    platforms: list[str] | None
    """ The only platforms that it may send; null: any. """
    recipients: list[str] | None
    """ The only recipients: addresses, and *@domain for all of a domain, not of those below it; null: anybody. """
    windows: list[KeyWindow]
    """ Rolling windows; all of them hold. """
    per_recipient_per_day_cents: int | None
    """ The most that one recipient is sent on a UTC day. What follows a plus in an address makes it no other
    recipient. """
    max_sends_per_hour: int | None
    """ Accepted sends in any hour; a cancelled one stays counted. """
    max_recipients_per_week: int | None
    """ Different recipients in any seven days. What follows a plus in an address makes it no other recipient, and
    one that was sent to already costs nothing. """
    repeat_guard_s: int | None
    """ The same recipient, platform and amount again within so many seconds is 2006, unless the send says distinct.
    """
    expires_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    last_used_at: datetime.datetime | None
    """ The minute of the last use, rounded down; noted some seconds later. """
    paused_at: datetime.datetime | None
    """ From then on it reads only; its ancestors may be paused, too. """
    revoked_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    key: str
    """ The secret, shown this once. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        parent_id: None | str
        parent_id = self.parent_id

        environment: str = self.environment

        name = self.name

        prefix = self.prefix

        last4 = self.last4

        scopes = []
        for scopes_item_data in self.scopes:
            scopes_item: str = scopes_item_data
            scopes.append(scopes_item)

        caps = self.caps.to_dict()

        ip_allow_list = self.ip_allow_list

        approval_above_cents: int | None
        approval_above_cents = self.approval_above_cents

        approval_above_per_day_cents: int | None
        approval_above_per_day_cents = self.approval_above_per_day_cents

        approval_threshold_cents: int | None
        approval_threshold_cents = self.approval_threshold_cents

        purpose: None | str
        purpose = self.purpose

        client_id: None | str
        client_id = self.client_id

        lifetime_cents: int | None
        lifetime_cents = self.lifetime_cents

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

        windows = []
        for windows_item_data in self.windows:
            windows_item = windows_item_data.to_dict()
            windows.append(windows_item)

        per_recipient_per_day_cents: int | None
        per_recipient_per_day_cents = self.per_recipient_per_day_cents

        max_sends_per_hour: int | None
        max_sends_per_hour = self.max_sends_per_hour

        max_recipients_per_week: int | None
        max_recipients_per_week = self.max_recipients_per_week

        repeat_guard_s: int | None
        repeat_guard_s = self.repeat_guard_s

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        created_at = self.created_at.isoformat()

        last_used_at: None | str
        if isinstance(self.last_used_at, datetime.datetime):
            last_used_at = self.last_used_at.isoformat()
        else:
            last_used_at = self.last_used_at

        paused_at: None | str
        if isinstance(self.paused_at, datetime.datetime):
            paused_at = self.paused_at.isoformat()
        else:
            paused_at = self.paused_at

        revoked_at: None | str
        if isinstance(self.revoked_at, datetime.datetime):
            revoked_at = self.revoked_at.isoformat()
        else:
            revoked_at = self.revoked_at

        key = self.key

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "parent_id": parent_id,
                "environment": environment,
                "name": name,
                "prefix": prefix,
                "last4": last4,
                "scopes": scopes,
                "caps": caps,
                "ip_allow_list": ip_allow_list,
                "approval_above_cents": approval_above_cents,
                "approval_above_per_day_cents": approval_above_per_day_cents,
                "approval_threshold_cents": approval_threshold_cents,
                "purpose": purpose,
                "client_id": client_id,
                "lifetime_cents": lifetime_cents,
                "platforms": platforms,
                "recipients": recipients,
                "windows": windows,
                "per_recipient_per_day_cents": per_recipient_per_day_cents,
                "max_sends_per_hour": max_sends_per_hour,
                "max_recipients_per_week": max_recipients_per_week,
                "repeat_guard_s": repeat_guard_s,
                "expires_at": expires_at,
                "created_at": created_at,
                "last_used_at": last_used_at,
                "paused_at": paused_at,
                "revoked_at": revoked_at,
                "key": key,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.key_caps import KeyCaps  # noqa: PLC0415
        from ..models.key_window import KeyWindow  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        def _parse_parent_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        parent_id = _parse_parent_id(d.pop("parent_id"))

        environment = check_created_key_environment(d.pop("environment"))

        name = d.pop("name")

        prefix = d.pop("prefix")

        last4 = d.pop("last4")

        scopes = []
        _scopes = d.pop("scopes")
        for scopes_item_data in _scopes:
            scopes_item = check_scope(scopes_item_data)

            scopes.append(scopes_item)

        caps = KeyCaps.from_dict(d.pop("caps"))

        ip_allow_list = cast(list[str], d.pop("ip_allow_list"))

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

        def _parse_approval_threshold_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        approval_threshold_cents = _parse_approval_threshold_cents(
            d.pop("approval_threshold_cents")
        )

        def _parse_purpose(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        purpose = _parse_purpose(d.pop("purpose"))

        def _parse_client_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        client_id = _parse_client_id(d.pop("client_id"))

        def _parse_lifetime_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        lifetime_cents = _parse_lifetime_cents(d.pop("lifetime_cents"))

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

        windows = []
        _windows = d.pop("windows")
        for windows_item_data in _windows:
            windows_item = KeyWindow.from_dict(windows_item_data)

            windows.append(windows_item)

        def _parse_per_recipient_per_day_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        per_recipient_per_day_cents = _parse_per_recipient_per_day_cents(
            d.pop("per_recipient_per_day_cents")
        )

        def _parse_max_sends_per_hour(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_sends_per_hour = _parse_max_sends_per_hour(d.pop("max_sends_per_hour"))

        def _parse_max_recipients_per_week(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_recipients_per_week = _parse_max_recipients_per_week(d.pop("max_recipients_per_week"))

        def _parse_repeat_guard_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        repeat_guard_s = _parse_repeat_guard_s(d.pop("repeat_guard_s"))

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

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_last_used_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_used_at_type_0 = datetime.datetime.fromisoformat(data)

                return last_used_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_used_at = _parse_last_used_at(d.pop("last_used_at"))

        def _parse_paused_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                paused_at_type_0 = datetime.datetime.fromisoformat(data)

                return paused_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        paused_at = _parse_paused_at(d.pop("paused_at"))

        def _parse_revoked_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                revoked_at_type_0 = datetime.datetime.fromisoformat(data)

                return revoked_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        revoked_at = _parse_revoked_at(d.pop("revoked_at"))

        key = d.pop("key")

        created_key = cls(
            id=id,
            parent_id=parent_id,
            environment=environment,
            name=name,
            prefix=prefix,
            last4=last4,
            scopes=scopes,
            caps=caps,
            ip_allow_list=ip_allow_list,
            approval_above_cents=approval_above_cents,
            approval_above_per_day_cents=approval_above_per_day_cents,
            approval_threshold_cents=approval_threshold_cents,
            purpose=purpose,
            client_id=client_id,
            lifetime_cents=lifetime_cents,
            platforms=platforms,
            recipients=recipients,
            windows=windows,
            per_recipient_per_day_cents=per_recipient_per_day_cents,
            max_sends_per_hour=max_sends_per_hour,
            max_recipients_per_week=max_recipients_per_week,
            repeat_guard_s=repeat_guard_s,
            expires_at=expires_at,
            created_at=created_at,
            last_used_at=last_used_at,
            paused_at=paused_at,
            revoked_at=revoked_at,
            key=key,
        )

        created_key.additional_properties = d
        return created_key

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
