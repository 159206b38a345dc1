"""Stripe's customers, and their saved cards: saved by its checkout, charged by a payment intent.

A charge carries the order's ID and our mark, which tells its events from a checkout's. Deleting a customer
ends subscriptions at once and removes card details and personal data; payments and invoices stay, as the law
requires. Source: Stripe's guides "Set up future payments" and "Charge a saved payment method", its pages of
decline codes and "Handling customer deletion requests", which wants cards detached first.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from billing.providers.abilities import (
    Charged,
    ChargeRequest,
    CustomerRequest,
    Declined,
    SavedMethod,
    SavingRequest,
)
from billing.providers.http import unavailable, within_deadline
from billing.providers.protocol import Fact, ProviderRefused
from billing.providers.stripe.api import CardDeclined, StripeApi
from billing.providers.stripe.events import CHARGE_MARK, PaymentIntent, decline_reason, intent_facts
from billing.providers.stripe.objects import NAME, Named, to_stripe
from kernel.clock import SECOND_US

METHODS_MAX: Final = 20
_CONSENT: Final = (
    "Your card is stored, and charged automatically when your balance falls below the amount that you set."
    " You can remove it at any time."
)


class StripeSavedCards:
    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def new_customer(self, key: str, email: str | None) -> str:
        params: Any = {"metadata": {"account": key}}
        if email is not None:
            params["email"] = email
        async with within_deadline(NAME):
            made = await self._api.send(
                self._api.v1.customers.create_async(params, _once(f"{key}/customer")), Named
            )
        return made.id

    async def save_page(self, request: SavingRequest) -> str:
        params: Any = {
            "mode": "setup",
            "customer": request.customer_ref,
            "payment_method_types": ["card"],
            "custom_text": {"submit": {"message": _CONSENT}},
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
        }
        sessions = self._api.v1.checkout.sessions
        async with within_deadline(NAME):
            made = await self._api.send(
                sessions.create_async(params, _once(f"{request.key}/setup")), _Page
            )
        if not made.url:
            raise unavailable(NAME, "a session without an address")
        return made.url

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]:
        wanted: Any = {"type": "card", "limit": METHODS_MAX}
        async with within_deadline(NAME):
            found = await self._api.send(
                self._api.v1.customers.payment_methods.list_async(customer_ref, wanted), _Methods
            )
        newest = sorted(found.data, key=lambda one: one.created, reverse=True)
        return [
            SavedMethod(
                one.id,
                one.card.brand,
                one.card.last4,
                f"{one.card.exp_year:04}-{one.card.exp_month:02}",
            )
            for one in newest
            if one.card is not None
        ]

    async def forget(self, method_ref: str) -> None:
        try:
            async with within_deadline(NAME):
                await self._api.send(self._api.v1.payment_methods.detach_async(method_ref), Named)
        except ProviderRefused:
            # It belongs to no customer any more.
            return

    async def charge(self, request: ChargeRequest) -> Charged | Declined:
        params: Any = {
            "amount": to_stripe(request.price),
            "currency": request.price.currency.lower(),
            "customer": request.customer_ref,
            "payment_method": request.method_ref,
            "payment_method_types": ["card"],
            "confirm": True,
            "off_session": True,
            "error_on_requires_action": True,
            "description": request.title,
            "metadata": {"order_id": request.order_id, "origin": CHARGE_MARK},
        }
        intents = self._api.v1.payment_intents
        try:
            async with within_deadline(NAME):
                made = await self._api.send(
                    intents.create_async(params, _once(f"{request.order_id}/charge")),
                    PaymentIntent,
                )
        except CardDeclined as declined:
            reason = decline_reason(declined.code, declined.decline_code, declined.advice_code)
            return Declined(reason, declined.payment_ref)
        except ProviderRefused as error:
            # The library says "code resource_missing param payment_method" for a removed card.
            if "payment_method" in error.detail:
                return Declined("card_removed")
            raise
        return _outcome(made)

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None:
        wanted: Any = {
            "customer": request.customer_ref,
            "created": {"gte": since_at // SECOND_US - _SKEW_S},
            "limit": _PAGE,
        }
        async with within_deadline(NAME):
            while True:
                page = await self._api.send(
                    self._api.v1.payment_intents.list_async(wanted), _Intents
                )
                for one in page.data:
                    if one.order_id == request.order_id and one.is_charge:
                        return _outcome(one)
                if not page.has_more or not page.data:
                    return None
                wanted["starting_after"] = page.data[-1].id

    async def give_up(self, ref: str) -> bool:
        intents = self._api.v1.payment_intents
        async with within_deadline(NAME):
            try:
                await self._api.send(intents.cancel_async(ref), Named)
            except ProviderRefused:
                # Cancelled before, or it succeeded after all.
                now = await self._api.send(intents.retrieve_async(ref), PaymentIntent)
                return now.status == "canceled"
        return True


async def inquire_charge(api: StripeApi, order_id: str, ref: str) -> Sequence[Fact]:
    """Return what became of a charge, for the order's sweep; within the caller's deadline."""
    made = await api.send(api.v1.payment_intents.retrieve_async(ref), PaymentIntent)
    return intent_facts(made, made.status, order_id=order_id)


# Its clock and ours may differ, and a page of a hundred is the largest.
_SKEW_S: Final = 3600
_PAGE: Final = 100


def _once(step: str) -> Any:
    return {"idempotency_key": f"topup/{step}"}


def _outcome(made: PaymentIntent) -> Charged | Declined:
    """Return a payment that can't succeed without the payer as declined; any other as accepted."""
    if made.is_declined:
        error = made.last_payment_error
        return Declined(
            "card_declined"
            if error is None
            else decline_reason(error.code, error.decline_code, error.advice_code),
            made.id,
        )
    return Charged(made.id, intent_facts(made, made.status))


class _Page(msgspec.Struct):
    url: str | None = None


class _Card(msgspec.Struct):
    brand: str = "card"
    last4: str = ""
    exp_month: int = 0
    exp_year: int = 0


class _Method(msgspec.Struct):
    id: str
    created: int = 0
    card: _Card | None = None


class _Methods(msgspec.Struct):
    data: list[_Method] = []


class _Intents(msgspec.Struct):
    data: list[PaymentIntent] = []
    has_more: bool = False


class StripeCustomers:
    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def make_customer(self, request: CustomerRequest) -> str:
        params: Any = {
            "metadata": {"account_id": request.account_id, "environment": request.environment}
        }
        if request.email is not None:
            params["email"] = request.email
        options: Any = {"idempotency_key": f"topup/{request.key}"}
        async with within_deadline(NAME):
            made = await self._api.send(self._api.v1.customers.create_async(params, options), Named)
        return made.id

    async def erase_customer(self, customer_ref: str) -> None:
        customers = self._api.v1.customers
        async with within_deadline(NAME):
            found = await self._api.send(customers.retrieve_async(customer_ref), _Customer)
        if found.deleted:
            return
        cards = StripeSavedCards(self._api)
        for card in await cards.saved(customer_ref):
            await cards.forget(card.ref)
        async with within_deadline(NAME):
            await self._api.send(customers.delete_async(customer_ref), Named)


class _Customer(msgspec.Struct):
    deleted: bool = False
