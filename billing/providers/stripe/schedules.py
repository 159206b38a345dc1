"""A change of plans when the period ends: a Stripe subscription schedule of two phases.

A shorter interval begun at once would turn the paid rest into the customer's balance, while its credit was
already given. So it waits, as in Stripe's own portal. Events don't show the schedule: the next price is in
the subscription's metadata, until the second phase removes it. With a schedule Stripe ends and resumes
nothing, so any other act releases it first. Source: Stripe's API reference, subscription schedules; changelog
2024-10-28, scheduled downgrades.
"""

from typing import Any

import msgspec

from billing.providers.abilities.steering import SteerRequest
from billing.providers.protocol import ProviderRefused
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.objects import NEXT_PRICE, Named, Ref, Subscription, ref_id


class _Item(msgspec.Struct):
    price: Ref = None
    quantity: int = 1


class _Tax(msgspec.Struct):
    enabled: bool = False


class _Discount(msgspec.Struct):
    discount: Ref = None
    coupon: Ref = None
    promotion_code: Ref = None


class _Phase(msgspec.Struct):
    start_date: int
    end_date: int
    items: list[_Item] = []
    default_tax_rates: list[Named] | None = None
    automatic_tax: _Tax | None = None
    discounts: list[_Discount] | None = None


class _Schedule(msgspec.Struct):
    id: str
    phases: list[_Phase] = []


class StripeSchedules:
    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def change_at_end(self, found: Subscription, request: SteerRequest) -> Subscription:
        """Return the subscription with its next price chosen; a repeated call finds the same schedule."""
        if len(found.items.data) != 1:
            raise ProviderRefused("the subscription at stripe has other items than its plan")
        schedule = await self._schedule(found, request)
        period_end = found.items.data[0].current_period_end or found.current_period_end
        now = next((one for one in schedule.phases if one.end_date == period_end), None)
        if now is None:
            raise ProviderRefused("the subscription at stripe has a schedule of its own")
        phases: Any = {
            "end_behavior": "release",
            "proration_behavior": "none",
            "phases": [_as_it_is(now), _next(now, request)],
        }
        schedules = self._api.v1.subscription_schedules
        await self._api.send(
            schedules.update_async(schedule.id, phases, _key(request, "phases")), Named
        )
        mark: Any = {"metadata": {NEXT_PRICE: request.product_ref}}
        subscriptions = self._api.v1.subscriptions
        return await self._api.send(
            subscriptions.update_async(found.id, mark, _key(request, "mark")), Subscription
        )

    async def release(self, found: Subscription, request: SteerRequest) -> dict[str, Any]:
        schedule = ref_id(found.schedule)
        if schedule is None:
            return {}
        schedules = self._api.v1.subscription_schedules
        await self._api.send(schedules.release_async(schedule, {}, _key(request, "release")), Named)
        return {"metadata": {NEXT_PRICE: ""}}

    async def _schedule(self, found: Subscription, request: SteerRequest) -> _Schedule:
        schedules = self._api.v1.subscription_schedules
        known = ref_id(found.schedule)
        if known is not None:
            return await self._api.send(schedules.retrieve_async(known), _Schedule)
        of: Any = {"from_subscription": found.id}
        return await self._api.send(
            schedules.create_async(of, _key(request, "schedule")), _Schedule
        )


def _as_it_is(phase: _Phase) -> dict[str, Any]:
    """Return the current phase: Stripe removes what isn't named again."""
    items = [{"price": ref_id(one.price), "quantity": one.quantity} for one in phase.items]
    kept = {"start_date": phase.start_date, "end_date": phase.end_date, "items": items}
    if phase.discounts:
        kept["discounts"] = [_named(one) for one in phase.discounts]
    return {**kept, **_taxes(phase)}


def _next(phase: _Phase, request: SteerRequest) -> dict[str, Any]:
    return {
        "items": [{"price": request.product_ref, "quantity": 1}],
        "duration": {"interval": "month", "interval_count": 1},
        "proration_behavior": "none",
        "metadata": {NEXT_PRICE: ""},
        **_taxes(phase),
    }


def _taxes(phase: _Phase) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if phase.default_tax_rates:
        found["default_tax_rates"] = [one.id for one in phase.default_tax_rates]
    if phase.automatic_tax is not None:
        found["automatic_tax"] = {"enabled": phase.automatic_tax.enabled}
    return found


def _named(one: _Discount) -> dict[str, str]:
    refs = {
        "discount": ref_id(one.discount),
        "coupon": ref_id(one.coupon),
        "promotion_code": ref_id(one.promotion_code),
    }
    return dict([next((name, ref) for name, ref in refs.items() if ref is not None)])


def _key(request: SteerRequest, step: str) -> Any:
    return {"idempotency_key": f"topup/{request.key}/{step}"}
