"""Stripe's shared payment tokens: read, and charged by a payment intent.

Source: Stripe's pages "Shared payment tokens" and "MPP", its API reference of granted tokens, and the request
of the Machine Payments Protocol (draft-stripe-charge-00). All of it is of a preview version of the API.
"""

from typing import Any, Final

import msgspec

from billing.ledger.price import Price
from billing.providers.abilities import (
    SharedToken,
    TokenCharge,
    TokenCharged,
    TokenDeclined,
    TokenOutcome,
    TokenPending,
)
from billing.providers.http import unavailable, within_deadline
from billing.providers.protocol import ProviderRefused
from billing.providers.stripe.api import CardDeclined, StripeApi
from billing.providers.stripe.events import PaymentIntent, decline_reason
from billing.providers.stripe.objects import NAME, Named, Unreadable, from_stripe, to_stripe
from kernel.clock import SECOND_US

VERSION: Final = "2026-07-29.preview"
ORIGIN: Final = "machine_payment"
# These can't succeed without the payer, who is away.
_OVER: Final = frozenset({"requires_payment_method", "requires_action", "canceled"})


class StripeSharedTokens:
    def __init__(self, api: StripeApi, profile_id: str) -> None:
        self._api = api
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
        options: Any = {
            "idempotency_key": f"topup/{request.payment_id}/charge",
            "stripe_version": VERSION,
        }
        intents = self._api.v1.payment_intents
        try:
            async with within_deadline(NAME):
                made = await self._api.send(intents.create_async(params, options), PaymentIntent)
        except CardDeclined as declined:
            return TokenDeclined(
                decline_reason(declined.code, declined.decline_code, declined.advice_code)
            )
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
            found = await self._api.send(intents.search_async(wanted), _Found)
        mine = [one for one in found.data if _is_of(one, payment_id)]
        # A charge that succeeded counts, whatever else was tried.
        mine.sort(key=lambda one: one.status != "succeeded")
        return await self._outcome(mine[0]) if mine else None

    async def _outcome(self, made: PaymentIntent) -> TokenOutcome:
        if made.status == "succeeded":
            try:
                return TokenCharged(made.id, from_stripe(made.amount_received, made.currency))
            except Unreadable:
                raise unavailable(NAME, "a payment in no shape of Stripe's") from None
        if made.status not in _OVER:
            return TokenPending(made.id)
        await self._cancel(made)
        error = made.last_payment_error
        if made.status == "requires_action" or error is None:
            return TokenDeclined("authentication_required")
        return TokenDeclined(decline_reason(error.code, error.decline_code, error.advice_code))

    async def _cancel(self, made: PaymentIntent) -> None:
        """Release the payer's money that may be reserved; nobody can confirm it anyway."""
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


class _Found(msgspec.Struct):
    data: list[PaymentIntent] = []


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
