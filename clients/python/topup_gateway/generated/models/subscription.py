from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.subscription_interval import SubscriptionInterval, check_subscription_interval
from ..models.subscription_next_interval_type_0 import (
    SubscriptionNextIntervalType0,
    check_subscription_next_interval_type_0,
)
from ..models.subscription_status import SubscriptionStatus, check_subscription_status

if TYPE_CHECKING:
    from ..models.pending_action import PendingAction
    from ..models.upcoming_charge import UpcomingCharge


T = TypeVar("T", bound="Subscription")


@_attrs_define
class Subscription:
    """A plan that the account has or had. Only the provider's word moves it."""

    id: str
    """ Its id, sub_…. """
    status: SubscriptionStatus
    """ incomplete: its first payment has not come. past_due: a renewal was not paid; it expires at grace_ends_at.
    paused: its provider charges nothing, and no credit comes for time that is not paid, until it goes on.
    cancelled: ended by choice; expired: not paid. """
    provider: str
    """ Who bills it. """
    order_id: str
    """ The order's id. """
    plan_id: str
    """ The plan's id. """
    plan_name: str
    """ The plan's name. """
    interval: SubscriptionInterval
    """ How often it is paid. """
    amount: int
    """ Of one period, in the smallest unit. """
    currency: str
    """ ISO 4217. """
    credits_: int
    """ Of one period; 1 credit is $0.001. """
    current_period_start: datetime.datetime | None
    """ Null before the first period is paid. """
    current_period_end: datetime.datetime | None
    """ Until when it is paid. """
    trial_ends_at: datetime.datetime | None
    """ Null: it began without a trial. """
    cancel_at_period_end: bool
    """ Whether it ends with its current period. """
    next_plan_id: None | str
    """ Another plan that was chosen, from the next period on. """
    next_interval: None | SubscriptionNextIntervalType0
    """ The interval that was chosen from the next period on; null: no change. """
    next_charge: None | UpcomingCharge
    """ Null while it is paused, and where it ends with its period, or has ended. """
    grace_ends_at: datetime.datetime | None
    """ While it is past due: when it expires, unless it is paid. """
    paused_at: datetime.datetime | None
    """ While it is paused: since when. """
    resumes_at: datetime.datetime | None
    """ While it is paused: when it goes on by itself; null: when it is resumed. """
    credits_granted: int
    """ 1 credit is $0.001. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    pending: None | PendingAction
    """ What was asked of the provider and is not done yet; null: nothing. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.pending_action import PendingAction  # noqa: PLC0415
        from ..models.upcoming_charge import UpcomingCharge  # noqa: PLC0415

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
        if isinstance(self.next_charge, UpcomingCharge):
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

        created_at = self.created_at.isoformat()

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        pending: dict[str, Any] | None
        if isinstance(self.pending, PendingAction):
            pending = self.pending.to_dict()
        else:
            pending = self.pending

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
                "created_at": created_at,
                "ended_at": ended_at,
                "pending": pending,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.pending_action import PendingAction  # noqa: PLC0415
        from ..models.upcoming_charge import UpcomingCharge  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        status = check_subscription_status(d.pop("status"))

        provider = d.pop("provider")

        order_id = d.pop("order_id")

        plan_id = d.pop("plan_id")

        plan_name = d.pop("plan_name")

        interval = check_subscription_interval(d.pop("interval"))

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

        def _parse_next_interval(data: object) -> None | SubscriptionNextIntervalType0:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_interval_type_0 = check_subscription_next_interval_type_0(data)

                return next_interval_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SubscriptionNextIntervalType0, data)

        next_interval = _parse_next_interval(d.pop("next_interval"))

        def _parse_next_charge(data: object) -> None | UpcomingCharge:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                next_charge_type_0 = UpcomingCharge.from_dict(data)

                return next_charge_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UpcomingCharge, data)

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

        def _parse_pending(data: object) -> None | PendingAction:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                pending_type_0 = PendingAction.from_dict(data)

                return pending_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PendingAction, data)

        pending = _parse_pending(d.pop("pending"))

        subscription = cls(
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
            created_at=created_at,
            ended_at=ended_at,
            pending=pending,
        )

        subscription.additional_properties = d
        return subscription

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
