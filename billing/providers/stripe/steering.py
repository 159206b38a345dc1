"""Cancel, pause, resume and change subscriptions at Stripe, with idempotency keys.

A change to a shorter interval waits in a subscription schedule of two phases. If it took effect at once, Stripe would
refund unused time whose credit was already granted.

Events don't contain the schedule, so the subscription's metadata holds the next price until the second phase starts.
Stripe can't end or resume a subscription that has a schedule, so other changes release the schedule first.
"""

from dataclasses import replace
from typing import Any

import msgspec

from billing.ledger.price import Price
from billing.providers.abilities import PaymentDeclined, SteerRequest
from billing.providers.http import within_deadline
from billing.providers.protocol import ProviderRefused, SubscriptionChanged
from billing.providers.stripe.api import CardDeclined, StripeApi, StripePart, once
from billing.providers.stripe.events import subscription_facts
from billing.providers.stripe.objects import (
    NAME,
    NEXT_PRICE,
    InvoicePreview,
    Named,
    Ref,
    Subscription,
    from_stripe,
    ref_id,
)
from kernel.clock import SECOND_US


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


class StripeSchedules(StripePart):
    async def change_at_end(self, found: Subscription, request: SteerRequest) -> Subscription:
        """Schedule the change for the end of the period. A repeated call finds the same schedule."""
        if len(found.items.data) != 1:
            raise ProviderRefused("The subscription at Stripe contains items other than its plan.")
        schedule = await self._schedule(found, request)
        period_end = found.items.data[0].current_period_end or found.current_period_end
        now = next((one for one in schedule.phases if one.end_date == period_end), None)
        if now is None:
            raise ProviderRefused(
                "The subscription at Stripe already has a schedule that this gateway didn't create."
            )
        phases: Any = {
            "end_behavior": "release",
            "proration_behavior": "none",
            "phases": [_as_it_is(now), _next(now, request)],
        }
        schedules = self._api.v1.subscription_schedules
        await self._api.send(
            schedules.update_async(schedule.id, phases, once(request.key, "phases")), Named
        )
        mark: Any = {"metadata": {NEXT_PRICE: request.product_ref}}
        subscriptions = self._api.v1.subscriptions
        return await self._api.send(
            subscriptions.update_async(found.id, mark, once(request.key, "mark")), Subscription
        )

    async def release(self, found: Subscription, request: SteerRequest) -> dict[str, Any]:
        schedule = ref_id(found.schedule)
        if schedule is None:
            return {}
        schedules = self._api.v1.subscription_schedules
        await self._api.send(
            schedules.release_async(schedule, {}, once(request.key, "release")), Named
        )
        return {"metadata": {NEXT_PRICE: ""}}

    async def _schedule(self, found: Subscription, request: SteerRequest) -> _Schedule:
        schedules = self._api.v1.subscription_schedules
        known = ref_id(found.schedule)
        if known is not None:
            return await self._api.send(schedules.retrieve_async(known), _Schedule)
        of: Any = {"from_subscription": found.id}
        return await self._api.send(
            schedules.create_async(of, once(request.key, "schedule")), _Schedule
        )


def _as_it_is(phase: _Phase) -> dict[str, Any]:
    """Return the current phase in full, because Stripe removes whatever an update omits."""
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


class StripeSteering(StripePart):
    has_schedules = True
    pauses_until = True

    def __init__(self, api: StripeApi) -> None:
        super().__init__(api)
        self._schedules = StripeSchedules(api)

    async def standing(self, subscription_ref: str) -> SubscriptionChanged:
        async with within_deadline(NAME):
            return _standing(await self._found(subscription_ref))

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        subscriptions = self._api.v1.subscriptions
        options = once(request.key)
        async with within_deadline(NAME):
            if request.act == "cancel_now":
                asked = subscriptions.cancel_async(request.subscription_ref, {}, options)
                made = await self._api.send(asked, Subscription)
                # The response contains the subscription as it was before its deletion.
                return replace(_standing(made), status="cancelled")
            found = await self._found(request.subscription_ref)
            if request.act == "resume" and found.status == "paused":
                # Stripe itself has paused the subscription. Pausing payments wouldn't change its status.
                resumed = subscriptions.resume_async(
                    request.subscription_ref, {}, once(request.key, "resume")
                )
                found = await self._api.send(resumed, Subscription)
                if not _is_ending(found):
                    return _standing(found)
            if request.is_at_end:
                return _standing(await self._schedules.change_at_end(found, request))
            released = await self._schedules.release(found, request)
            wanted: Any = {**self._wanted(request, found), **released}
            asked = subscriptions.update_async(request.subscription_ref, wanted, options)
            try:
                return _standing(await self._api.send(asked, Subscription))
            except CardDeclined as declined:
                why = declined.error.decline_code or declined.error.code or "card_declined"
                sentence = f"the payment was declined ({why}); the plan stays as it is"
                raise PaymentDeclined(sentence, reason=why) from None

    async def preview(self, request: SteerRequest) -> Price:
        async with within_deadline(NAME):
            change = self._change(request, await self._found(request.subscription_ref))
            # A preview doesn't accept payment_behavior.
            change.pop("payment_behavior", None)
            params: Any = {
                "subscription": request.subscription_ref,
                "subscription_details": change,
            }
            made = await self._api.send(
                self._api.v1.invoices.create_preview_async(params), InvoicePreview
            )
        return from_stripe(max(0, made.amount_due), made.currency)

    def _wanted(self, request: SteerRequest, found: Subscription) -> dict[str, Any]:
        if request.act == "change":
            return self._change(request, found)
        if request.act == "cancel":
            return {"cancel_at_period_end": True}
        if request.act == "pause":
            pause: dict[str, Any] = {"behavior": "void"}
            if request.resumes_at is not None:
                pause["resumes_at"] = request.resumes_at // SECOND_US
            return {"pause_collection": pause}
        is_dated = found.cancel_at is not None and not found.cancel_at_period_end
        # If Stripe's portal has set an end date, remove that date. Empty text removes an end date or a pause.
        wanted = {"cancel_at": ""} if is_dated else {"cancel_at_period_end": False}
        return wanted if found.pause_collection is None else {**wanted, "pause_collection": ""}

    def _change(self, request: SteerRequest, found: Subscription) -> dict[str, Any]:
        assert request.product_ref is not None, "a change names the new price"
        items = found.items.data
        ours = [item for item in items if ref_id(item.price) == request.from_ref] or items
        if len(ours) != 1 or ours[0].id is None:
            raise ProviderRefused("The subscription at Stripe contains items other than its plan.")
        change: dict[str, Any] = {
            "items": [{"id": ours[0].id, "price": request.product_ref}],
            "proration_behavior": "always_invoice" if request.is_charged_now else "none",
        }
        if request.is_charged_now:
            change["payment_behavior"] = "error_if_incomplete"
        return change

    async def _found(self, subscription_ref: str) -> Subscription:
        return await self._api.send(
            self._api.v1.subscriptions.retrieve_async(subscription_ref), Subscription
        )


def _is_ending(found: Subscription) -> bool:
    return found.cancel_at_period_end or found.cancel_at is not None


def _standing(found: Subscription) -> SubscriptionChanged:
    facts = [one for one in subscription_facts(found, "") if isinstance(one, SubscriptionChanged)]
    if not facts:
        raise ProviderRefused(
            f"The subscription at Stripe is {found.status[:40]}, so it can't be changed."
        )
    return facts[0]
