from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.hold_body_overage import HoldBodyOverage, check_hold_body_overage
from ..types import UNSET, Unset

T = TypeVar("T", bound="HoldBody")


@_attrs_define
class HoldBody:
    """What may be used, the amount in credits or in micros, and for how long it is set aside."""

    description: str
    """ What it is, in plain text. """
    credits_: int | None | Unset = UNSET
    """ The amount, in credits. """
    amount_micros: int | None | Unset = UNSET
    """ The amount, in millionths of a US dollar. """
    model: None | str | Unset = UNSET
    """ The model's name. """
    reference: None | str | Unset = UNSET
    """ The caller's own name for it. """
    ttl_s: int | Unset = UNSET
    """ How long, in seconds. Default: 900. """
    overage: HoldBodyOverage | Unset = UNSET
    """ What a capture above the amount does: it is refused; it is cut to the amount; or the rest is charged too, up
    to ten times the amount, and what the wallet lacks is owed. Default: "reject". """

    def to_dict(self) -> dict[str, Any]:
        description = self.description

        credits_: int | None | Unset
        if isinstance(self.credits_, Unset):
            credits_ = UNSET
        else:
            credits_ = self.credits_

        amount_micros: int | None | Unset
        if isinstance(self.amount_micros, Unset):
            amount_micros = UNSET
        else:
            amount_micros = self.amount_micros

        model: None | str | Unset
        if isinstance(self.model, Unset):
            model = UNSET
        else:
            model = self.model

        reference: None | str | Unset
        if isinstance(self.reference, Unset):
            reference = UNSET
        else:
            reference = self.reference

        ttl_s = self.ttl_s

        overage: str | Unset = UNSET
        if not isinstance(self.overage, Unset):
            overage = self.overage

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "description": description,
            }
        )
        if credits_ is not UNSET:
            field_dict["credits"] = credits_
        if amount_micros is not UNSET:
            field_dict["amount_micros"] = amount_micros
        if model is not UNSET:
            field_dict["model"] = model
        if reference is not UNSET:
            field_dict["reference"] = reference
        if ttl_s is not UNSET:
            field_dict["ttl_s"] = ttl_s
        if overage is not UNSET:
            field_dict["overage"] = overage

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        description = d.pop("description")

        def _parse_credits_(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        credits_ = _parse_credits_(d.pop("credits", UNSET))

        def _parse_amount_micros(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        amount_micros = _parse_amount_micros(d.pop("amount_micros", UNSET))

        def _parse_model(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model = _parse_model(d.pop("model", UNSET))

        def _parse_reference(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reference = _parse_reference(d.pop("reference", UNSET))

        ttl_s = d.pop("ttl_s", UNSET)

        _overage = d.pop("overage", UNSET)
        overage: HoldBodyOverage | Unset
        if isinstance(_overage, Unset):
            overage = UNSET
        else:
            overage = check_hold_body_overage(_overage)

        hold_body = cls(
            description=description,
            credits_=credits_,
            amount_micros=amount_micros,
            model=model,
            reference=reference,
            ttl_s=ttl_s,
            overage=overage,
        )

        return hold_body
