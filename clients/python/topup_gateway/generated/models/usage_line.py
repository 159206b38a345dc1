from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.usage_line_kind import UsageLineKind, check_usage_line_kind

T = TypeVar("T", bound="UsageLine")


@_attrs_define
class UsageLine:
    """One charge. kind: usage, a hold that was captured (created_at: when it was set aside), or what an
    app took. The tokens and the price list's version are null where an amount was charged.

    """

    id: str
    """ Its id. """
    kind: UsageLineKind
    """ A charge, a hold that was captured, or what an app took. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    amount_micros: int
    """ In millionths of a US dollar. """
    credits_: int
    """ In credits of $0.001, floored. """
    description: str
    """ What it is, in plain text. """
    model: None | str
    """ The model's name. """
    key_id: None | str
    """ That charged it; null: no key. """
    app_id: None | str
    """ The app that took it; null: no app. """
    reference: None | str
    """ The caller's own; an app's order_no. """
    input_tokens: int | None
    """ Of the model. """
    output_tokens: int | None
    """ Of the model. """
    cached_tokens: int | None
    """ Of the input tokens. """
    price_version: int | None
    """ Of the price list that priced it. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind: str = self.kind

        created_at = self.created_at.isoformat()

        amount_micros = self.amount_micros

        credits_ = self.credits_

        description = self.description

        model: None | str
        model = self.model

        key_id: None | str
        key_id = self.key_id

        app_id: None | str
        app_id = self.app_id

        reference: None | str
        reference = self.reference

        input_tokens: int | None
        input_tokens = self.input_tokens

        output_tokens: int | None
        output_tokens = self.output_tokens

        cached_tokens: int | None
        cached_tokens = self.cached_tokens

        price_version: int | None
        price_version = self.price_version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "created_at": created_at,
                "amount_micros": amount_micros,
                "credits": credits_,
                "description": description,
                "model": model,
                "key_id": key_id,
                "app_id": app_id,
                "reference": reference,
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cached_tokens": cached_tokens,
                "price_version": price_version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        kind = check_usage_line_kind(d.pop("kind"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        amount_micros = d.pop("amount_micros")

        credits_ = d.pop("credits")

        description = d.pop("description")

        def _parse_model(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        model = _parse_model(d.pop("model"))

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        def _parse_app_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        app_id = _parse_app_id(d.pop("app_id"))

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        def _parse_input_tokens(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        input_tokens = _parse_input_tokens(d.pop("input_tokens"))

        def _parse_output_tokens(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        output_tokens = _parse_output_tokens(d.pop("output_tokens"))

        def _parse_cached_tokens(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        cached_tokens = _parse_cached_tokens(d.pop("cached_tokens"))

        def _parse_price_version(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        price_version = _parse_price_version(d.pop("price_version"))

        usage_line = cls(
            id=id,
            kind=kind,
            created_at=created_at,
            amount_micros=amount_micros,
            credits_=credits_,
            description=description,
            model=model,
            key_id=key_id,
            app_id=app_id,
            reference=reference,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
            price_version=price_version,
        )

        usage_line.additional_properties = d
        return usage_line

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
