"""Stripe's customers: made once for an account and environment, and deleted with the account.

Deleting ends subscriptions at once and removes card details and personal data; payments and invoices stay, as
the law requires. A deleted customer still says so, so "deleted" and "never existed" differ. Source: Stripe's
API reference ("Delete a customer") and its page "Handling customer deletion requests", which wants cards
detached first.
"""

from typing import Any

import msgspec

from billing.providers.abilities.customers import CustomerRequest
from billing.providers.http import within_deadline
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.objects import NAME, Named
from billing.providers.stripe.saved_payment import StripeSavedCards


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
