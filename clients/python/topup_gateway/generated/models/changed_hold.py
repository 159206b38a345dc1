from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.changed_hold_overage import ChangedHoldOverage, check_changed_hold_overage
from ..models.changed_hold_status import ChangedHoldStatus, check_changed_hold_status

T = TypeVar("T", bound="ChangedHold")


@_attrs_define
class ChangedHold:
    """A hold that was just made or ended, and the wallet afterwards."""

    id: str
    """ Its id, hld_…. """
    status: ChangedHoldStatus
    """ Its state. """
    amount_micros: int
    """ In millionths of a US dollar. """
    credits_: int
    """ In credits of $0.001, floored. """
    captured_micros: int
    """ In millionths of a US dollar. """
    captured_credits: int
    """ In credits of $0.001, floored. """
    overage: ChangedHoldOverage
    """ What a capture above the amount does; see POST /holds. """
    overage_micros: int
    """ Captured above the amount, in micros. """
    description: str
    """ What it is, in plain text. """
    model: None | str
    """ The model's name. """
    reference: None | str
    """ The caller's own name for it, once per environment. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    expires_at: str
    """ By the account's own clock; see the sandbox's. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    input_tokens: int | None
    """ The tokens that went in; null: an amount was charged. """
    output_tokens: int | None
    """ The tokens that came out; null: an amount was charged. """
    cached_tokens: int | None
    """ Those of the input tokens that were cached; null: an amount was charged. """
    price_version: int | None
    """ The version of the price list that priced it; null: an amount was charged. """
    balance_micros: int
    """ The account's wallet afterwards, in millionths of a US dollar. """
    balance_credits: int
    """ The same in credits of $0.001, floored. """
    balance_cents: int
    """ The same in US cents, floored. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str = self.status

        amount_micros = self.amount_micros

        credits_ = self.credits_

        captured_micros = self.captured_micros

        captured_credits = self.captured_credits

        overage: str = self.overage

        overage_micros = self.overage_micros

        description = self.description

        model: None | str
        model = self.model

        reference: None | str
        reference = self.reference

        created_at = self.created_at.isoformat()

        expires_at = self.expires_at

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        input_tokens: int | None
        input_tokens = self.input_tokens

        output_tokens: int | None
        output_tokens = self.output_tokens

        cached_tokens: int | None
        cached_tokens = self.cached_tokens

        price_version: int | None
        price_version = self.price_version

        balance_micros = self.balance_micros

        balance_credits = self.balance_credits

        balance_cents = self.balance_cents

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "amount_micros": amount_micros,
                "credits": credits_,
                "captured_micros": captured_micros,
                "captured_credits": captured_credits,
                "overage": overage,
                "overage_micros": overage_micros,
                "description": description,
                "model": model,
                "reference": reference,
                "created_at": created_at,
                "expires_at": expires_at,
                "ended_at": ended_at,
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cached_tokens": cached_tokens,
                "price_version": price_version,
                "balance_micros": balance_micros,
                "balance_credits": balance_credits,
                "balance_cents": balance_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        status = check_changed_hold_status(d.pop("status"))

        amount_micros = d.pop("amount_micros")

        credits_ = d.pop("credits")

        captured_micros = d.pop("captured_micros")

        captured_credits = d.pop("captured_credits")

        overage = check_changed_hold_overage(d.pop("overage"))

        overage_micros = d.pop("overage_micros")

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

        expires_at = d.pop("expires_at")

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

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

        balance_micros = d.pop("balance_micros")

        balance_credits = d.pop("balance_credits")

        balance_cents = d.pop("balance_cents")

        changed_hold = cls(
            id=id,
            status=status,
            amount_micros=amount_micros,
            credits_=credits_,
            captured_micros=captured_micros,
            captured_credits=captured_credits,
            overage=overage,
            overage_micros=overage_micros,
            description=description,
            model=model,
            reference=reference,
            created_at=created_at,
            expires_at=expires_at,
            ended_at=ended_at,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
            price_version=price_version,
            balance_micros=balance_micros,
            balance_credits=balance_credits,
            balance_cents=balance_cents,
        )

        changed_hold.additional_properties = d
        return changed_hold

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
