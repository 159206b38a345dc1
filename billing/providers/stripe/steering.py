"""Stripe's subscription changes: cancel, pause, resume and change, with idempotency keys.

A change that is paid at once is made only if the payment succeeds. One to a cheaper plan counts from the next
period and returns nothing; one to a shorter interval waits in a schedule. A pause voids the invoices of its
time. Source: Stripe's API reference, subscriptions and invoice previews, and its guide "Pause payment
collection".
"""

from dataclasses import replace
from typing import Any

from billing.ledger.price import Price
from billing.providers.abilities.steering import PaymentDeclined, SteerRequest
from billing.providers.http import within_deadline
from billing.providers.protocol import ProviderRefused, SubscriptionChanged
from billing.providers.stripe.api import CardDeclined, StripeApi
from billing.providers.stripe.events import from_stripe, subscription_facts
from billing.providers.stripe.objects import NAME, InvoicePreview, Subscription, ref_id
from billing.providers.stripe.schedules import StripeSchedules
from kernel.clock import SECOND_US


class StripeSteering:
    has_schedules = True
    pauses_until = True

    def __init__(self, api: StripeApi) -> None:
        self._api = api
        self._schedules = StripeSchedules(api)

    async def standing(self, subscription_ref: str) -> SubscriptionChanged:
        async with within_deadline(NAME):
            return _standing(await self._found(subscription_ref))

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        subscriptions = self._api.v1.subscriptions
        options: Any = {"idempotency_key": f"topup/{request.key}"}
        async with within_deadline(NAME):
            if request.act == "cancel_now":
                asked = subscriptions.cancel_async(request.subscription_ref, {}, options)
                made = await self._api.send(asked, Subscription)
                # The response to a cancellation is the subscription as it was deleted.
                return replace(_standing(made), status="cancelled")
            found = await self._found(request.subscription_ref)
            if request.act == "resume" and found.status == "paused":
                # Stripe's own status; a pause of payments leaves the status as it is.
                again: Any = {"idempotency_key": f"topup/{request.key}/resume"}
                resumed = subscriptions.resume_async(request.subscription_ref, {}, again)
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
                why = declined.decline_code or declined.code or "card_declined"
                sentence = f"the payment was declined ({why}); the plan stays as it is"
                raise PaymentDeclined(sentence, reason=why) from None

    async def preview(self, request: SteerRequest) -> Price:
        async with within_deadline(NAME):
            change = self._change(request, await self._found(request.subscription_ref))
            # What is requested beside a preview is the same as for the change itself.
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
        # Stripe's portal may have set a date instead; an empty text removes it, and a pause.
        wanted = {"cancel_at": ""} if is_dated else {"cancel_at_period_end": False}
        return wanted if found.pause_collection is None else {**wanted, "pause_collection": ""}

    def _change(self, request: SteerRequest, found: Subscription) -> dict[str, Any]:
        assert request.product_ref is not None, "a change names the new price"
        items = found.items.data
        ours = [item for item in items if ref_id(item.price) == request.from_ref] or items
        if len(ours) != 1 or ours[0].id is None:
            raise ProviderRefused("the subscription at stripe has other items than its plan")
        change: dict[str, Any] = {
            "items": [{"id": ours[0].id, "price": request.product_ref}],
            "proration_behavior": "always_invoice" if request.is_charged_now else "none",
        }
        if request.is_charged_now:
            # A card that is declined, or that asks its owner, leaves everything as it was.
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
        raise ProviderRefused(f"the subscription at stripe is {found.status[:40]}")
    return facts[0]
