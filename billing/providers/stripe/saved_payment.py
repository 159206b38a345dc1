"""Charge saved cards and shared payment tokens with payment intents, and manage Stripe's customers.

Deleting a customer ends subscriptions and removes cards and personal data. Payments and invoices stay, as the
law requires. Shared payment tokens need a preview version of the API. Source: Stripe's guides "Set up future
payments", "Handling customer deletion requests", "Shared payment tokens" and "MPP".
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from billing.ledger.price import Price
from billing.providers.abilities import (
    Charged,
    ChargeRequest,
    CustomerRequest,
    Declined,
    SavedMethod,
    SavingRequest,
    SharedToken,
    TokenCharge,
    TokenCharged,
    TokenDeclined,
    TokenOutcome,
    TokenPending,
)
from billing.providers.http import unavailable, within_deadline
from billing.providers.protocol import Fact, ProviderRefused
from billing.providers.stripe.api import CardDeclined, StripeApi, StripePart, once
from billing.providers.stripe.events import CHARGE_MARK, PaymentIntent, decline_reason, intent_facts
from billing.providers.stripe.objects import (
    NAME,
    Named,
    Page,
    Session,
    Unreadable,
    from_stripe,
    to_stripe,
)
from kernel.clock import SECOND_US

METHODS_MAX: Final = 20
_CONSENT: Final = (
    "Your card is stored, and charged automatically when your balance falls below the amount that you set."
    " You can remove it at any time."
)


class StripeSavedCards(StripePart):
    async def new_customer(self, key: str, email: str | None) -> str:
        return await _new_customer(self._api, {"account": key}, email, once(key, "customer"))

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
                sessions.create_async(params, once(request.key, "setup")), Session
            )
        if not made.url:
            raise unavailable(NAME, "a session without an address")
        return made.url

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]:
        wanted: Any = {"type": "card", "limit": METHODS_MAX}
        async with within_deadline(NAME):
            found = await self._api.send(
                self._api.v1.customers.payment_methods.list_async(customer_ref, wanted),
                Page[_Method],
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
                    intents.create_async(params, once(request.order_id, "charge")),
                    PaymentIntent,
                )
        except CardDeclined as declined:
            reason = decline_reason(declined.error)
            return Declined(reason, declined.payment_ref)
        except ProviderRefused as error:
            # This error, "code resource_missing param payment_method", means that the card was removed.
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
                    self._api.v1.payment_intents.list_async(wanted), Page[PaymentIntent]
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
                now = await self._api.send(intents.retrieve_async(ref), PaymentIntent)
                return now.status == "canceled"
        return True


async def _new_customer(
    api: StripeApi, metadata: dict[str, str], email: str | None, options: Any
) -> str:
    params: Any = {"metadata": metadata}
    if email is not None:
        params["email"] = email
    async with within_deadline(NAME):
        made = await api.send(api.v1.customers.create_async(params, options), Named)
    return made.id


async def inquire_charge(api: StripeApi, order_id: str, ref: str) -> Sequence[Fact]:
    made = await api.send(api.v1.payment_intents.retrieve_async(ref), PaymentIntent)
    return intent_facts(made, made.status, order_id=order_id)


# Stripe's clock may differ from ours by up to this much.
_SKEW_S: Final = 3600
_PAGE: Final = 100


def _outcome(made: PaymentIntent) -> Charged | Declined:
    if made.is_declined:
        return Declined(decline_reason(made.last_payment_error), made.id)
    return Charged(made.id, intent_facts(made, made.status))


class _Card(msgspec.Struct):
    brand: str = "card"
    last4: str = ""
    exp_month: int = 0
    exp_year: int = 0


class _Method(msgspec.Struct):
    id: str
    created: int = 0
    card: _Card | None = None


class StripeCustomers(StripePart):
    async def make_customer(self, request: CustomerRequest) -> str:
        metadata = {"account_id": request.account_id, "environment": request.environment}
        return await _new_customer(self._api, metadata, request.email, once(request.key))

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


VERSION: Final = "2026-07-29.preview"
ORIGIN: Final = "machine_payment"


class StripeSharedTokens(StripePart):
    def __init__(self, api: StripeApi, profile_id: str) -> None:
        super().__init__(api)
        self._profile_id = profile_id

    @property
    def seller_id(self) -> str:
        return self._profile_id

    async def find_token(self, token: str) -> SharedToken | None:
        path = f"/v1/shared_payment/granted_tokens/{token}"
        try:
            async with within_deadline(NAME):
                found = await self._api.read(path, _GrantedToken, version=VERSION)
        except ProviderRefused as error:
            if "resource_missing" in error.detail:
                return None
            raise
        return _token(found)

    async def charge_token(self, request: TokenCharge) -> TokenOutcome:
        params: Any = {
            "amount": to_stripe(request.price),
            "currency": request.price.currency.lower(),
            "shared_payment_granted_token": request.token,
            "payment_method_types": ["card"],
            "confirm": True,
            "description": request.title,
            "metadata": {"payment_id": request.payment_id, "origin": ORIGIN},
        }
        options: Any = {**once(request.payment_id, "charge"), "stripe_version": VERSION}
        intents = self._api.v1.payment_intents
        try:
            async with within_deadline(NAME):
                made = await self._api.send(intents.create_async(params, options), PaymentIntent)
        except CardDeclined as declined:
            return TokenDeclined(decline_reason(declined.error))
        if not _is_of(made, request.payment_id):
            raise unavailable(NAME, "another payment than was asked for")
        return await self._outcome(made)

    async def token_charged(self, payment_id: str, ref: str | None) -> TokenOutcome | None:
        intents = self._api.v1.payment_intents
        async with within_deadline(NAME):
            if ref is not None:
                made = await self._api.send(intents.retrieve_async(ref), PaymentIntent)
                return await self._outcome(made) if _is_of(made, payment_id) else None
            wanted: Any = {"query": f"metadata['payment_id']:'{payment_id}'", "limit": 10}
            found = await self._api.send(intents.search_async(wanted), Page[PaymentIntent])
        mine = [one for one in found.data if _is_of(one, payment_id)]
        mine.sort(key=lambda one: one.status != "succeeded")
        return await self._outcome(mine[0]) if mine else None

    async def _outcome(self, made: PaymentIntent) -> TokenOutcome:
        if made.status == "succeeded":
            try:
                return TokenCharged(made.id, from_stripe(made.amount_received, made.currency))
            except Unreadable:
                raise unavailable(NAME, "a payment in no shape of Stripe's") from None
        if not made.is_declined:
            return TokenPending(made.id)
        await self._cancel(made)
        if made.status == "requires_action" or made.last_payment_error is None:
            return TokenDeclined("authentication_required")
        return TokenDeclined(decline_reason(made.last_payment_error))

    async def _cancel(self, made: PaymentIntent) -> None:
        """Cancel the payment intent, because nobody could confirm it. This releases money reserved on the card."""
        if made.status == "canceled":
            return
        try:
            await self._api.send(self._api.v1.payment_intents.cancel_async(made.id), Named)
        except ProviderRefused:
            return


def _is_of(made: PaymentIntent, payment_id: str) -> bool:
    metadata = made.metadata or {}
    return (metadata.get("payment_id"), metadata.get("origin")) == (payment_id, ORIGIN)


class _Sum(msgspec.Struct):
    currency: str = ""
    value: int = 0


class _Usage(msgspec.Struct):
    amount_captured: _Sum | None = None


class _Limits(msgspec.Struct):
    currency: str = ""
    expires_at: int | None = None
    max_amount: int | None = None


class _GrantedToken(msgspec.Struct):
    id: str
    deactivated_at: int | None = None
    usage_details: _Usage | None = None
    usage_limits: _Limits | None = None


def _token(found: _GrantedToken) -> SharedToken:
    limits = found.usage_limits or _Limits()
    used = (found.usage_details or _Usage()).amount_captured or _Sum()
    left: Price | None = None
    if limits.max_amount is not None:
        try:
            left = from_stripe(max(0, limits.max_amount - used.value), limits.currency)
        except Unreadable:
            raise unavailable(NAME, "a token in no shape of Stripe's") from None
    expires_at = None if limits.expires_at is None else limits.expires_at * SECOND_US
    return SharedToken(left, expires_at, is_ended=found.deactivated_at is not None)
