from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="KeyChangedEventData")


@_attrs_define
class KeyChangedEventData:
    """A key as it is now; never its secret. What is paused or revoked are its descendants, too."""

    id: str
    """ Its id, key_…. """
    parent_id: None | str
    """ The key that it comes from; null: none. """
    name: str
    """ Its name. """
    purpose: None | str
    """ What it is for, in its maker's words; null: not said. """
    scopes: list[str]
    """ What it may do. """
    by: str
    """ The credential that did it, such as key_…; cli: the command line. """
    expires_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    paused_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    revoked_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        parent_id: None | str
        parent_id = self.parent_id

        name = self.name

        purpose: None | str
        purpose = self.purpose

        scopes = self.scopes

        by = self.by

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        created_at = self.created_at.isoformat()

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

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "parent_id": parent_id,
                "name": name,
                "purpose": purpose,
                "scopes": scopes,
                "by": by,
                "expires_at": expires_at,
                "created_at": created_at,
                "paused_at": paused_at,
                "revoked_at": revoked_at,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        def _parse_parent_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        parent_id = _parse_parent_id(d.pop("parent_id"))

        name = d.pop("name")

        def _parse_purpose(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        purpose = _parse_purpose(d.pop("purpose"))

        scopes = cast(list[str], d.pop("scopes"))

        by = d.pop("by")

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

        test = d.pop("test", UNSET)

        key_changed_event_data = cls(
            id=id,
            parent_id=parent_id,
            name=name,
            purpose=purpose,
            scopes=scopes,
            by=by,
            expires_at=expires_at,
            created_at=created_at,
            paused_at=paused_at,
            revoked_at=revoked_at,
            test=test,
        )

        key_changed_event_data.additional_properties = d
        return key_changed_event_data

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
