from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.plan_change_interval import PlanChangeInterval, check_plan_change_interval

T = TypeVar("T", bound="PlanChange")


@_attrs_define
class PlanChange:
    """What a change would cost, and when the new price counts from."""

    subscription_id: str
    """ The subscription's id. """
    plan_id: str
    """ The plan's id. """
    plan_name: str
    """ The plan's name. """
    interval: PlanChangeInterval
    """ How often it is paid. """
    amount: int
    """ Of one period then, in the smallest unit. """
    currency: str
    """ ISO 4217. """
    is_charged_now: bool
    """ A dearer plan is paid for at once; a cheaper one from the next period. """
    amount_due: int
    """ What is charged now, in the smallest unit. """
    is_estimate: bool
    """ Worked out by the gateway, without tax: the provider tells no price before. """
    effective_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        subscription_id = self.subscription_id

        plan_id = self.plan_id

        plan_name = self.plan_name

        interval: str = self.interval

        amount = self.amount

        currency = self.currency

        is_charged_now = self.is_charged_now

        amount_due = self.amount_due

        is_estimate = self.is_estimate

        effective_at = self.effective_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "subscription_id": subscription_id,
                "plan_id": plan_id,
                "plan_name": plan_name,
                "interval": interval,
                "amount": amount,
                "currency": currency,
                "is_charged_now": is_charged_now,
                "amount_due": amount_due,
                "is_estimate": is_estimate,
                "effective_at": effective_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        subscription_id = d.pop("subscription_id")

        plan_id = d.pop("plan_id")

        plan_name = d.pop("plan_name")

        interval = check_plan_change_interval(d.pop("interval"))

        amount = d.pop("amount")

        currency = d.pop("currency")

        is_charged_now = d.pop("is_charged_now")

        amount_due = d.pop("amount_due")

        is_estimate = d.pop("is_estimate")

        effective_at = datetime.datetime.fromisoformat(d.pop("effective_at"))

        plan_change = cls(
            subscription_id=subscription_id,
            plan_id=plan_id,
            plan_name=plan_name,
            interval=interval,
            amount=amount,
            currency=currency,
            is_charged_now=is_charged_now,
            amount_due=amount_due,
            is_estimate=is_estimate,
            effective_at=effective_at,
        )

        plan_change.additional_properties = d
        return plan_change

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
