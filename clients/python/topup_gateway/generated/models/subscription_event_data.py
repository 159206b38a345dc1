from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.subscription_event_data_interval import (
    SubscriptionEventDataInterval,
    check_subscription_event_data_interval,
)
from ..models.subscription_event_data_next_interval_type_0 import (
    SubscriptionEventDataNextIntervalType0,
    check_subscription_event_data_next_interval_type_0,
)
from ..models.subscription_event_data_status import (
    SubscriptionEventDataStatus,
    check_subscription_event_data_status,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.next_charge import NextCharge


T = TypeVar("T", bound="SubscriptionEventData")


@_attrs_define
class SubscriptionEventData:
    """A plan that an account has, after the turn that is told.

    credits: of one paid period; credits_granted: of all of its periods so far; credits_granted_now: what this
    turn granted, which in a trial is the trial's credit. next_charge is null while it is paused, and where it
    ends with its period, or has ended. next_plan_id and next_interval: another plan that was chosen, from
    the next period on. grace_ends_at: while it is past due, when it expires unless it is paid. paused_at,
    resumes_at: while it is paused; resumes_at is null where the pause has no end of its own.

    """

    id: str
    """ Its id, sub_…. """
    status: SubscriptionEventDataStatus
    """ Its state. """
    provider: str
    """ The payment provider. """
    order_id: str
    """ The order's id. """
    plan_id: str
    """ The plan's id. """
    plan_name: str
    """ The plan's name. """
    interval: SubscriptionEventDataInterval
    """ How often it is paid. """
    amount: int
    """ In the currency's smallest unit. """
    currency: str
    """ ISO 4217. """
    credits_: int
    """ 1 credit is $0.001. """
    current_period_start: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    current_period_end: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    trial_ends_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    cancel_at_period_end: bool
    """ Whether it ends with its current period. """
    next_plan_id: None | str
    """ The plan that was chosen from the next period on; null: no change. """
    next_interval: None | SubscriptionEventDataNextIntervalType0
    """ The interval that was chosen from the next period on; null: no change. """
    next_charge: NextCharge | None
    """ The next charge; null: there is none. """
    grace_ends_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    paused_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    resumes_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    credits_granted: int
    """ The credits of all of its periods so far. """
    credits_granted_now: int
    """ What this turn granted; 0: it granted nothing. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.next_charge import NextCharge  # noqa: PLC0415

        id = self.id

        status: str = self.status

        provider = self.provider

        order_id = self.order_id

        plan_id = self.plan_id

        plan_name = self.plan_name

        interval: str = self.interval

        amount = self.amount

        currency = self.currency

        credits_ = self.credits_

        current_period_start: None | str
        if isinstance(self.current_period_start, datetime.datetime):
            current_period_start = self.current_period_start.isoformat()
        else:
            current_period_start = self.current_period_start

        current_period_end: None | str
        if isinstance(self.current_period_end, datetime.datetime):
            current_period_end = self.current_period_end.isoformat()
        else:
            current_period_end = self.current_period_end

        trial_ends_at: None | str
        if isinstance(self.trial_ends_at, datetime.datetime):
            trial_ends_at = self.trial_ends_at.isoformat()
        else:
            trial_ends_at = self.trial_ends_at

        cancel_at_period_end = self.cancel_at_period_end

        next_plan_id: None | str
        next_plan_id = self.next_plan_id

        next_interval: None | str
        if isinstance(self.next_interval, str):
            next_interval = self.next_interval
        else:
            next_interval = self.next_interval

        next_charge: dict[str, Any] | None
        if isinstance(self.next_charge, NextCharge):
            next_charge = self.next_charge.to_dict()
        else:
            next_charge = self.next_charge

        grace_ends_at: None | str
        if isinstance(self.grace_ends_at, datetime.datetime):
            grace_ends_at = self.grace_ends_at.isoformat()
        else:
            grace_ends_at = self.grace_ends_at

        paused_at: None | str
        if isinstance(self.paused_at, datetime.datetime):
            paused_at = self.paused_at.isoformat()
        else:
            paused_at = self.paused_at

        resumes_at: None | str
        if isinstance(self.resumes_at, datetime.datetime):
            resumes_at = self.resumes_at.isoformat()
        else:
            resumes_at = self.resumes_at

        credits_granted = self.credits_granted

        credits_granted_now = self.credits_granted_now

        created_at = self.created_at.isoformat()

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "provider": provider,
                "order_id": order_id,
                "plan_id": plan_id,
                "plan_name": plan_name,
                "interval": interval,
                "amount": amount,
                "currency": currency,
                "credits": credits_,
                "current_period_start": current_period_start,
                "current_period_end": current_period_end,
                "trial_ends_at": trial_ends_at,
                "cancel_at_period_end": cancel_at_period_end,
                "next_plan_id": next_plan_id,
                "next_interval": next_interval,
                "next_charge": next_charge,
                "grace_ends_at": grace_ends_at,
                "paused_at": paused_at,
                "resumes_at": resumes_at,
                "credits_granted": credits_granted,
                "credits_granted_now": credits_granted_now,
                "created_at": created_at,
                "ended_at": ended_at,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.next_charge import NextCharge  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        status = check_subscription_event_data_status(d.pop("status"))

        provider = d.pop("provider")

        order_id = d.pop("order_id")

        plan_id = d.pop("plan_id")

        plan_name = d.pop("plan_name")

        interval = check_subscription_event_data_interval(d.pop("interval"))

        amount = d.pop("amount")

        currency = d.pop("currency")

        credits_ = d.pop("credits")

        def _parse_current_period_start(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                current_period_start_type_0 = datetime.datetime.fromisoformat(data)

                return current_period_start_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        current_period_start = _parse_current_period_start(d.pop("current_period_start"))

        def _parse_current_period_end(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                current_period_end_type_0 = datetime.datetime.fromisoformat(data)

                return current_period_end_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        current_period_end = _parse_current_period_end(d.pop("current_period_end"))

        def _parse_trial_ends_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                trial_ends_at_type_0 = datetime.datetime.fromisoformat(data)

                return trial_ends_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        trial_ends_at = _parse_trial_ends_at(d.pop("trial_ends_at"))

        cancel_at_period_end = d.pop("cancel_at_period_end")

        def _parse_next_plan_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        next_plan_id = _parse_next_plan_id(d.pop("next_plan_id"))

        def _parse_next_interval(data: object) -> None | SubscriptionEventDataNextIntervalType0:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_interval_type_0 = check_subscription_event_data_next_interval_type_0(data)

                return next_interval_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SubscriptionEventDataNextIntervalType0, data)

        next_interval = _parse_next_interval(d.pop("next_interval"))

        def _parse_next_charge(data: object) -> NextCharge | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                next_charge_type_0 = NextCharge.from_dict(data)

                return next_charge_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NextCharge | None, data)

        next_charge = _parse_next_charge(d.pop("next_charge"))

        def _parse_grace_ends_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                grace_ends_at_type_0 = datetime.datetime.fromisoformat(data)

                return grace_ends_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        grace_ends_at = _parse_grace_ends_at(d.pop("grace_ends_at"))

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

        def _parse_resumes_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                resumes_at_type_0 = datetime.datetime.fromisoformat(data)

                return resumes_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        resumes_at = _parse_resumes_at(d.pop("resumes_at"))

        credits_granted = d.pop("credits_granted")

        credits_granted_now = d.pop("credits_granted_now")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

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

        test = d.pop("test", UNSET)

        subscription_event_data = cls(
            id=id,
            status=status,
            provider=provider,
            order_id=order_id,
            plan_id=plan_id,
            plan_name=plan_name,
            interval=interval,
            amount=amount,
            currency=currency,
            credits_=credits_,
            current_period_start=current_period_start,
            current_period_end=current_period_end,
            trial_ends_at=trial_ends_at,
            cancel_at_period_end=cancel_at_period_end,
            next_plan_id=next_plan_id,
            next_interval=next_interval,
            next_charge=next_charge,
            grace_ends_at=grace_ends_at,
            paused_at=paused_at,
            resumes_at=resumes_at,
            credits_granted=credits_granted,
            credits_granted_now=credits_granted_now,
            created_at=created_at,
            ended_at=ended_at,
            test=test,
        )

        subscription_event_data.additional_properties = d
        return subscription_event_data

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
