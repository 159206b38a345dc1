"""Stripe's customers: made once for an account and environment. Source: Stripe's API reference."""

from typing import Any

from billing.providers.abilities.customers import CustomerRequest
from billing.providers.http import within_deadline
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.objects import NAME, Named


class StripeCustomers:
    """Keeps billing.providers.abilities.customers.Customers."""

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
