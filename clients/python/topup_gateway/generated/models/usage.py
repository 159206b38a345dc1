from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Usage")


@_attrs_define
class Usage:
    """Credit that was charged at once. The tokens and the price list's version are null where an amount
    was charged. repeated: it was charged before, under the same reference; the balance is that of now.

    """

    id: str
    """ Its id, usg_…. """
    amount_micros: int
    """ In millionths of a US dollar. """
    credits_: int
    """ In credits of $0.001, floored. """
    description: str
    """ What it is, in plain text. """
    model: None | str
    """ The model's name. """
    reference: None | str
    """ The caller's own name for it, once per environment. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    balance_micros: int
    """ The account's wallet afterwards, in millionths of a US dollar. """
    balance_credits: int
    """ The same in credits of $0.001, floored. """
    balance_cents: int
    """ The same in US cents, floored. """
    input_tokens: int | None
    """ The tokens that went in; null: an amount was charged. """
    output_tokens: int | None
    """ The tokens that came out; null: an amount was charged. """
    cached_tokens: int | None
    """ Those of the input tokens that were cached; null: an amount was charged. """
    price_version: int | None
    """ The version of the price list that priced it; null: an amount was charged. """
    repeated: bool
    """ Whether it was charged before, under the same reference. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        amount_micros = self.amount_micros

        credits_ = self.credits_

        description = self.description

        model: None | str
        model = self.model

        reference: None | str
        reference = self.reference

        created_at = self.created_at.isoformat()

        balance_micros = self.balance_micros

        balance_credits = self.balance_credits

        balance_cents = self.balance_cents

        input_tokens: int | None
        input_tokens = self.input_tokens

        output_tokens: int | None
        output_tokens = self.output_tokens

        cached_tokens: int | None
        cached_tokens = self.cached_tokens

        price_version: int | None
        price_version = self.price_version

        repeated = self.repeated

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "amount_micros": amount_micros,
                "credits": credits_,
                "description": description,
                "model": model,
                "reference": reference,
                "created_at": created_at,
                "balance_micros": balance_micros,
                "balance_credits": balance_credits,
                "balance_cents": balance_cents,
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cached_tokens": cached_tokens,
                "price_version": price_version,
                "repeated": repeated,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        amount_micros = d.pop("amount_micros")

        credits_ = d.pop("credits")

        description = d.pop("description")

        def _parse_model(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        model = _parse_model(d.pop("model"))

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        balance_micros = d.pop("balance_micros")

        balance_credits = d.pop("balance_credits")

        balance_cents = d.pop("balance_cents")

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

        repeated = d.pop("repeated")

        usage = cls(
            id=id,
            amount_micros=amount_micros,
            credits_=credits_,
            description=description,
            model=model,
            reference=reference,
            created_at=created_at,
            balance_micros=balance_micros,
            balance_credits=balance_credits,
            balance_cents=balance_cents,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
            price_version=price_version,
            repeated=repeated,
        )

        usage.additional_properties = d
        return usage

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
