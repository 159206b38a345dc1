from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.scope import Scope, check_scope
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.caps import Caps
    from ..models.window_body import WindowBody


T = TypeVar("T", bound="KeyChanges")


@_attrs_define
class KeyChanges:
    """What changes of a key; what is left out stays as it is, null takes a limit away."""

    per_call_cents: int | None | Unset = UNSET
    """ In US cents, calendar windows of UTC; null: no cap. """
    per_day_cents: int | None | Unset = UNSET
    """ In US cents, calendar windows of UTC; null: no cap. """
    per_month_cents: int | None | Unset = UNSET
    """ In US cents, calendar windows of UTC; null: no cap. """
    purpose: None | str | Unset = UNSET
    """ Its purpose, in your words. """
    lifetime_cents: int | None | Unset = UNSET
    """ The most that it may ever spend; what it spent before counts. """
    platforms: list[str] | None | Unset = UNSET
    """ The only platforms that it may send; null: any. """
    recipients: list[str] | None | Unset = UNSET
    """ The only recipients: addresses, and *@domain for all of a domain, not of those below it; null: anybody. """
    windows: list[WindowBody] | None | Unset = UNSET
    """ Rolling windows; all of them hold, each from when it is set. """
    per_recipient_per_day_cents: int | None | Unset = UNSET
    """ The most that one recipient is sent on a UTC day. What follows a plus in an address makes it no other
    recipient. """
    max_sends_per_hour: int | None | Unset = UNSET
    """ Accepted sends in any hour; a cancelled one stays counted. """
    max_recipients_per_week: int | None | Unset = UNSET
    """ Different recipients in any seven days. What follows a plus in an address makes it no other recipient, and
    one that was sent to already costs nothing. """
    repeat_guard_s: int | None | Unset = UNSET
    """ The same recipient, platform and amount again within so many seconds is 2006, unless the send says distinct.
    """
    approval_above_cents: int | None | Unset = UNSET
    """ A send above it waits for a person. """
    approval_above_per_day_cents: int | None | Unset = UNSET
    """ So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets
    any number of smaller sends pass. """
    approval_threshold_cents: int | None | Unset = UNSET
    """ The old name of approval_above_cents. """
    name: str | Unset = UNSET
    """ Its name. """
    scopes: list[Scope] | Unset = UNSET
    """ Among those of the key that creates it; one at least. """
    ip_allow_list: list[str] | Unset = UNSET
    """ Addresses or CIDRs; empty: any address. """
    caps: Caps | Unset = UNSET
    """ Spend caps in cents, as a listed key shows them. """
    expires_at: datetime.datetime | None | Unset = UNSET
    """ When it ends; null: it does not. """

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

        purpose: None | str | Unset
        if isinstance(self.purpose, Unset):
            purpose = UNSET
        else:
            purpose = self.purpose

        lifetime_cents: int | None | Unset
        if isinstance(self.lifetime_cents, Unset):
            lifetime_cents = UNSET
        else:
            lifetime_cents = self.lifetime_cents

        platforms: list[str] | None | Unset
        if isinstance(self.platforms, Unset):
            platforms = UNSET
        elif isinstance(self.platforms, list):
            platforms = self.platforms

        else:
            platforms = self.platforms

        recipients: list[str] | None | Unset
        if isinstance(self.recipients, Unset):
            recipients = UNSET
        elif isinstance(self.recipients, list):
            recipients = self.recipients

        else:
            recipients = self.recipients

        windows: list[dict[str, Any]] | None | Unset
        if isinstance(self.windows, Unset):
            windows = UNSET
        elif isinstance(self.windows, list):
            windows = []
            for windows_type_0_item_data in self.windows:
                windows_type_0_item = windows_type_0_item_data.to_dict()
                windows.append(windows_type_0_item)

        else:
            windows = self.windows

        per_recipient_per_day_cents: int | None | Unset
        if isinstance(self.per_recipient_per_day_cents, Unset):
            per_recipient_per_day_cents = UNSET
        else:
            per_recipient_per_day_cents = self.per_recipient_per_day_cents

        max_sends_per_hour: int | None | Unset
        if isinstance(self.max_sends_per_hour, Unset):
            max_sends_per_hour = UNSET
        else:
            max_sends_per_hour = self.max_sends_per_hour

        max_recipients_per_week: int | None | Unset
        if isinstance(self.max_recipients_per_week, Unset):
            max_recipients_per_week = UNSET
        else:
            max_recipients_per_week = self.max_recipients_per_week

        repeat_guard_s: int | None | Unset
        if isinstance(self.repeat_guard_s, Unset):
            repeat_guard_s = UNSET
        else:
            repeat_guard_s = self.repeat_guard_s

        approval_above_cents: int | None | Unset
        if isinstance(self.approval_above_cents, Unset):
            approval_above_cents = UNSET
        else:
            approval_above_cents = self.approval_above_cents

        approval_above_per_day_cents: int | None | Unset
        if isinstance(self.approval_above_per_day_cents, Unset):
            approval_above_per_day_cents = UNSET
        else:
            approval_above_per_day_cents = self.approval_above_per_day_cents

        approval_threshold_cents: int | None | Unset
        if isinstance(self.approval_threshold_cents, Unset):
            approval_threshold_cents = UNSET
        else:
            approval_threshold_cents = self.approval_threshold_cents

        name = self.name

        scopes: list[str] | Unset = UNSET
        if not isinstance(self.scopes, Unset):
            scopes = []
            for scopes_item_data in self.scopes:
                scopes_item: str = scopes_item_data
                scopes.append(scopes_item)

        ip_allow_list: list[str] | Unset = UNSET
        if not isinstance(self.ip_allow_list, Unset):
            ip_allow_list = self.ip_allow_list

        caps: dict[str, Any] | Unset = UNSET
        if not isinstance(self.caps, Unset):
            caps = self.caps.to_dict()

        expires_at: None | str | Unset
        if isinstance(self.expires_at, Unset):
            expires_at = UNSET
        elif isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if per_call_cents is not UNSET:
            field_dict["per_call_cents"] = per_call_cents
        if per_day_cents is not UNSET:
            field_dict["per_day_cents"] = per_day_cents
        if per_month_cents is not UNSET:
            field_dict["per_month_cents"] = per_month_cents
        if purpose is not UNSET:
            field_dict["purpose"] = purpose
        if lifetime_cents is not UNSET:
            field_dict["lifetime_cents"] = lifetime_cents
        if platforms is not UNSET:
            field_dict["platforms"] = platforms
        if recipients is not UNSET:
            field_dict["recipients"] = recipients
        if windows is not UNSET:
            field_dict["windows"] = windows
        if per_recipient_per_day_cents is not UNSET:
            field_dict["per_recipient_per_day_cents"] = per_recipient_per_day_cents
        if max_sends_per_hour is not UNSET:
            field_dict["max_sends_per_hour"] = max_sends_per_hour
        if max_recipients_per_week is not UNSET:
            field_dict["max_recipients_per_week"] = max_recipients_per_week
        if repeat_guard_s is not UNSET:
            field_dict["repeat_guard_s"] = repeat_guard_s
        if approval_above_cents is not UNSET:
            field_dict["approval_above_cents"] = approval_above_cents
        if approval_above_per_day_cents is not UNSET:
            field_dict["approval_above_per_day_cents"] = approval_above_per_day_cents
        if approval_threshold_cents is not UNSET:
            field_dict["approval_threshold_cents"] = approval_threshold_cents
        if name is not UNSET:
            field_dict["name"] = name
        if scopes is not UNSET:
            field_dict["scopes"] = scopes
        if ip_allow_list is not UNSET:
            field_dict["ip_allow_list"] = ip_allow_list
        if caps is not UNSET:
            field_dict["caps"] = caps
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.caps import Caps  # noqa: PLC0415
        from ..models.window_body import WindowBody  # noqa: PLC0415

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

        def _parse_purpose(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        purpose = _parse_purpose(d.pop("purpose", UNSET))

        def _parse_lifetime_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        lifetime_cents = _parse_lifetime_cents(d.pop("lifetime_cents", UNSET))

        def _parse_platforms(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                platforms_type_0 = cast(list[str], data)

                return platforms_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        platforms = _parse_platforms(d.pop("platforms", UNSET))

        def _parse_recipients(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                recipients_type_0 = cast(list[str], data)

                return recipients_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        recipients = _parse_recipients(d.pop("recipients", UNSET))

        def _parse_windows(data: object) -> list[WindowBody] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                windows_type_0 = []
                _windows_type_0 = data
                for windows_type_0_item_data in _windows_type_0:
                    windows_type_0_item = WindowBody.from_dict(windows_type_0_item_data)

                    windows_type_0.append(windows_type_0_item)

                return windows_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[WindowBody] | None | Unset, data)

        windows = _parse_windows(d.pop("windows", UNSET))

        def _parse_per_recipient_per_day_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        per_recipient_per_day_cents = _parse_per_recipient_per_day_cents(
            d.pop("per_recipient_per_day_cents", UNSET)
        )

        def _parse_max_sends_per_hour(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        max_sends_per_hour = _parse_max_sends_per_hour(d.pop("max_sends_per_hour", UNSET))

        def _parse_max_recipients_per_week(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        max_recipients_per_week = _parse_max_recipients_per_week(
            d.pop("max_recipients_per_week", UNSET)
        )

        def _parse_repeat_guard_s(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        repeat_guard_s = _parse_repeat_guard_s(d.pop("repeat_guard_s", UNSET))

        def _parse_approval_above_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        approval_above_cents = _parse_approval_above_cents(d.pop("approval_above_cents", UNSET))

        def _parse_approval_above_per_day_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        approval_above_per_day_cents = _parse_approval_above_per_day_cents(
            d.pop("approval_above_per_day_cents", UNSET)
        )

        def _parse_approval_threshold_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        approval_threshold_cents = _parse_approval_threshold_cents(
            d.pop("approval_threshold_cents", UNSET)
        )

        name = d.pop("name", UNSET)

        _scopes = d.pop("scopes", UNSET)
        scopes: list[Scope] | Unset = UNSET
        if _scopes is not UNSET:
            scopes = []
            for scopes_item_data in _scopes:
                scopes_item = check_scope(scopes_item_data)

                scopes.append(scopes_item)

        ip_allow_list = cast(list[str], d.pop("ip_allow_list", UNSET))

        _caps = d.pop("caps", UNSET)
        caps: Caps | Unset
        if isinstance(_caps, Unset):
            caps = UNSET
        else:
            caps = Caps.from_dict(_caps)

        def _parse_expires_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        expires_at = _parse_expires_at(d.pop("expires_at", UNSET))

        key_changes = cls(
            per_call_cents=per_call_cents,
            per_day_cents=per_day_cents,
            per_month_cents=per_month_cents,
            purpose=purpose,
            lifetime_cents=lifetime_cents,
            platforms=platforms,
            recipients=recipients,
            windows=windows,
            per_recipient_per_day_cents=per_recipient_per_day_cents,
            max_sends_per_hour=max_sends_per_hour,
            max_recipients_per_week=max_recipients_per_week,
            repeat_guard_s=repeat_guard_s,
            approval_above_cents=approval_above_cents,
            approval_above_per_day_cents=approval_above_per_day_cents,
            approval_threshold_cents=approval_threshold_cents,
            name=name,
            scopes=scopes,
            ip_allow_list=ip_allow_list,
            caps=caps,
            expires_at=expires_at,
        )

        return key_changes
