from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.deliverable_body_kind import DeliverableBodyKind, check_deliverable_body_kind
from ..types import UNSET, Unset

T = TypeVar("T", bound="DeliverableBody")


@_attrs_define
class DeliverableBody:
    """What the recipient is given; a kind other than credit has a value. Plain text, at most so long."""

    kind: DeliverableBodyKind
    """ What it is; credit: it lies in an account of the recipient's. """
    value: None | str | Unset = UNSET
    """ The code, key, link or note itself. """
    redeem_url: None | str | Unset = UNSET
    """ Where it is used. """
    instructions: None | str | Unset = UNSET
    """ How it is used, in plain text. """
    expires_at: datetime.datetime | None | Unset = UNSET
    """ When it ends; null: it does not. """

    def to_dict(self) -> dict[str, Any]:
        kind: str = self.kind

        value: None | str | Unset
        if isinstance(self.value, Unset):
            value = UNSET
        else:
            value = self.value

        redeem_url: None | str | Unset
        if isinstance(self.redeem_url, Unset):
            redeem_url = UNSET
        else:
            redeem_url = self.redeem_url

        instructions: None | str | Unset
        if isinstance(self.instructions, Unset):
            instructions = UNSET
        else:
            instructions = self.instructions

        expires_at: None | str | Unset
        if isinstance(self.expires_at, Unset):
            expires_at = UNSET
        elif isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
            }
        )
        if value is not UNSET:
            field_dict["value"] = value
        if redeem_url is not UNSET:
            field_dict["redeem_url"] = redeem_url
        if instructions is not UNSET:
            field_dict["instructions"] = instructions
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = check_deliverable_body_kind(d.pop("kind"))

        def _parse_value(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        value = _parse_value(d.pop("value", UNSET))

        def _parse_redeem_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        redeem_url = _parse_redeem_url(d.pop("redeem_url", UNSET))

        def _parse_instructions(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        instructions = _parse_instructions(d.pop("instructions", UNSET))

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

        deliverable_body = cls(
            kind=kind,
            value=value,
            redeem_url=redeem_url,
            instructions=instructions,
            expires_at=expires_at,
        )

        return deliverable_body
