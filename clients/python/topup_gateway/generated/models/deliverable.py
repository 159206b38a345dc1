from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.deliverable_kind import DeliverableKind, check_deliverable_kind

T = TypeVar("T", bound="Deliverable")


@_attrs_define
class Deliverable:
    """What the recipient is given. All but value may be shown to whoever reads the top-up."""

    kind: DeliverableKind
    """ credit: it lies in an account of the recipient's, there is nothing to hand over. """
    value: None | str
    """ The code, key, link or note itself. Null unless you may see it. """
    value_hint: None | str
    """ The code's last four characters. """
    redeem_url: None | str
    """ Where it is used. """
    instructions: None | str
    """ How it is used, in plain text. """
    expires_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kind: str = self.kind

        value: None | str
        value = self.value

        value_hint: None | str
        value_hint = self.value_hint

        redeem_url: None | str
        redeem_url = self.redeem_url

        instructions: None | str
        instructions = self.instructions

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kind": kind,
                "value": value,
                "value_hint": value_hint,
                "redeem_url": redeem_url,
                "instructions": instructions,
                "expires_at": expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = check_deliverable_kind(d.pop("kind"))

        def _parse_value(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        value = _parse_value(d.pop("value"))

        def _parse_value_hint(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        value_hint = _parse_value_hint(d.pop("value_hint"))

        def _parse_redeem_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        redeem_url = _parse_redeem_url(d.pop("redeem_url"))

        def _parse_instructions(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        instructions = _parse_instructions(d.pop("instructions"))

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

        deliverable = cls(
            kind=kind,
            value=value,
            value_hint=value_hint,
            redeem_url=redeem_url,
            instructions=instructions,
            expires_at=expires_at,
        )

        deliverable.additional_properties = d
        return deliverable

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
