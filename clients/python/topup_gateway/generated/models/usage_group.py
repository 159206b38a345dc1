from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="UsageGroup")


@_attrs_define
class UsageGroup:
    """What a group adds up to; of day, model and key_id with app_id those are set that it is grouped by.

    All null: of the total, or of what named none.

    """

    day: None | str
    """ In UTC, such as 2026-06-13. """
    model: None | str
    """ The model's name. """
    key_id: None | str
    """ The key's id; null: no key. """
    app_id: None | str
    """ The app that took it; null: no app. """
    records: int
    """ How many charges. """
    amount_micros: int
    """ In millionths of a US dollar. """
    credits_: int
    """ In credits of $0.001, floored. """
    input_tokens: int
    """ Of the model. """
    output_tokens: int
    """ Of the model. """
    cached_tokens: int
    """ Of the input tokens. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        day: None | str
        day = self.day

        model: None | str
        model = self.model

        key_id: None | str
        key_id = self.key_id

        app_id: None | str
        app_id = self.app_id

        records = self.records

        amount_micros = self.amount_micros

        credits_ = self.credits_

        input_tokens = self.input_tokens

        output_tokens = self.output_tokens

        cached_tokens = self.cached_tokens

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "day": day,
                "model": model,
                "key_id": key_id,
                "app_id": app_id,
                "records": records,
                "amount_micros": amount_micros,
                "credits": credits_,
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cached_tokens": cached_tokens,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_day(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        day = _parse_day(d.pop("day"))

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

        records = d.pop("records")

        amount_micros = d.pop("amount_micros")

        credits_ = d.pop("credits")

        input_tokens = d.pop("input_tokens")

        output_tokens = d.pop("output_tokens")

        cached_tokens = d.pop("cached_tokens")

        usage_group = cls(
            day=day,
            model=model,
            key_id=key_id,
            app_id=app_id,
            records=records,
            amount_micros=amount_micros,
            credits_=credits_,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
        )

        usage_group.additional_properties = d
        return usage_group

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
