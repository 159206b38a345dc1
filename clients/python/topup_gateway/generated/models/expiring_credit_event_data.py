from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.expiring_credit_event_data_currency import (
    ExpiringCreditEventDataCurrency,
    check_expiring_credit_event_data_currency,
)
from ..models.expiring_credit_event_data_kind import (
    ExpiringCreditEventDataKind,
    check_expiring_credit_event_data_kind,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="ExpiringCreditEventData")


@_attrs_define
class ExpiringCreditEventData:
    """What of it will be lost, some days before its end, unless it is spent."""

    id: str
    """ The grant's id. """
    kind: ExpiringCreditEventDataKind
    """ plan: it was paid for with a plan. """
    amount_micros: int
    """ 1,000,000 are 1 US dollar. """
    amount_cents: int
    """ In whole US cents, rounded down. """
    currency: ExpiringCreditEventDataCurrency
    """ The currency, by ISO 4217. """
    expires_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    plan_id: None | str
    """ The plan's id. """
    subscription_id: None | str
    """ The subscription's id. """
    days_before: int
    """ At most so many days are left. """
    rolls_over_micros: int
    """ What goes on beside it, if the next period is paid. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind: str = self.kind

        amount_micros = self.amount_micros

        amount_cents = self.amount_cents

        currency: str = self.currency

        expires_at = self.expires_at.isoformat()

        plan_id: None | str
        plan_id = self.plan_id

        subscription_id: None | str
        subscription_id = self.subscription_id

        days_before = self.days_before

        rolls_over_micros = self.rolls_over_micros

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "amount_micros": amount_micros,
                "amount_cents": amount_cents,
                "currency": currency,
                "expires_at": expires_at,
                "plan_id": plan_id,
                "subscription_id": subscription_id,
                "days_before": days_before,
                "rolls_over_micros": rolls_over_micros,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        kind = check_expiring_credit_event_data_kind(d.pop("kind"))

        amount_micros = d.pop("amount_micros")

        amount_cents = d.pop("amount_cents")

        currency = check_expiring_credit_event_data_currency(d.pop("currency"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        def _parse_plan_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan_id = _parse_plan_id(d.pop("plan_id"))

        def _parse_subscription_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        subscription_id = _parse_subscription_id(d.pop("subscription_id"))

        days_before = d.pop("days_before")

        rolls_over_micros = d.pop("rolls_over_micros")

        test = d.pop("test", UNSET)

        expiring_credit_event_data = cls(
            id=id,
            kind=kind,
            amount_micros=amount_micros,
            amount_cents=amount_cents,
            currency=currency,
            expires_at=expires_at,
            plan_id=plan_id,
            subscription_id=subscription_id,
            days_before=days_before,
            rolls_over_micros=rolls_over_micros,
            test=test,
        )

        expiring_credit_event_data.additional_properties = d
        return expiring_credit_event_data

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
