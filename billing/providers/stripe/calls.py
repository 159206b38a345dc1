"""Stripe's API, called through Stripe's own library over our HTTP client.

Every object carries the order's ID, and every request an idempotency key made from it. So calling again after
a crash makes nothing twice (Stripe stores keys for a day). The library is 25 MB: provider.py loads this file
if there is a key. Source: Stripe's API reference.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from billing.providers.http import (
    unavailable,
    within_deadline,
)
from billing.providers.protocol import (
    CheckoutRequest,
    Fact,
    Ignored,
    Opened,
    PriceRefused,
    ProviderRefused,
)
from billing.providers.stripe.abilities import abilities_of
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.events import Unreadable, invoice_facts, session_facts, to_stripe
from billing.providers.stripe.objects import (
    NAME,
    Invoice,
    InvoicePaymentMade,
    Named,
    Session,
    ref_id,
)
from billing.providers.stripe.requests import first_discount, idempotency_options, payer, priced
from billing.providers.stripe.saved_payment import inquire_charge
from kernel.clock import SECOND_US

API_BASE = "https://api.stripe.com"
INVOICE_DUE_DAYS = 7

T = TypeVar("T")


class StripeCalls:
    """Stripe with one key; the half of Provider that calls it."""

    def __init__(
        self, key: str, api_base: str, client: httpx.AsyncClient, profile_id: str = ""
    ) -> None:
        self._api = StripeApi(key, api_base, client)
        self.abilities = abilities_of(self._api, profile_id)

    async def open(self, request: CheckoutRequest) -> Opened:
        async with within_deadline(NAME):
            if request.kind == "invoice":
                return await self._open_invoice(request)
            return await self._open_session(request)

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        try:
            async with within_deadline(NAME):
                if ref.startswith("in_"):
                    return await self._inquire_invoice(order_id, ref)
                if ref.startswith("pi_"):
                    return await inquire_charge(self._api, order_id, ref)
                return await self._inquire_session(order_id, ref)
        except (ProviderRefused, Unreadable):
            raise unavailable(NAME, "no answer about the payment") from None

    async def portal(self, customer_ref: str, return_url: str) -> str:
        params: Any = {"customer": customer_ref, "return_url": return_url}
        async with within_deadline(NAME):
            made = await self._api.send(
                self._api.v1.billing_portal.sessions.create_async(params), _Portal
            )
        return made.url

    async def _open_session(self, request: CheckoutRequest) -> Opened:
        metadata = {"order_id": request.order_id}
        inner = "subscription_data" if request.kind == "subscription" else "payment_intent_data"
        made_for: dict[str, Any] = {"metadata": metadata}
        if request.saves_payment and request.kind == "payment":
            made_for["setup_future_usage"] = "off_session"
        params: Any = {
            "mode": request.kind,
            "client_reference_id": request.order_id,
            "metadata": metadata,
            inner: made_for,
            "line_items": [{"quantity": 1, **priced(request)}],
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            **payer(request),
        }
        if request.trial_days:
            params["subscription_data"]["trial_period_days"] = request.trial_days
        if request.expires_at is not None:
            params["expires_at"] = request.expires_at // SECOND_US
        if request.discount:
            coupons: Any = self._api.v1.coupons
            wanted = first_discount(request)
            made = await self._api.send(
                coupons.create_async(wanted, idempotency_options(request, "coupon")), Named
            )
            params["discounts"] = [{"coupon": made.id}]
        session = await self._made_session(request, params)
        if not session.url:
            raise unavailable(NAME, "a session without an address")
        ids = [session.id, ref_id(session.payment_intent), ref_id(session.subscription)]
        objects = tuple(one for one in ids if one)
        return Opened(session.url, session.id, objects, ref_id(session.customer))

    async def _made_session(self, request: CheckoutRequest, params: Any) -> Session:
        """Return the session at the order's price; raise PriceRefused for any other. Stripe says what it will
        charge before anybody sees the page; a session that charges something else is ended at once.
        """
        sessions = self._api.v1.checkout.sessions
        try:
            made = await self._api.send(
                sessions.create_async(params, idempotency_options(request, "session")), Session
            )
        except ProviderRefused as error:
            if request.product_ref is not None and "line_items" in error.detail:
                raise PriceRefused(
                    f"stripe does not sell the plan's price {request.product_ref}"
                ) from None
            raise
        if made.amount_total is None or made.currency is None:
            return made
        wanted = 0 if request.trial_days else to_stripe(request.price)
        if (made.amount_total, made.currency.upper()) == (wanted, request.price.currency):
            return made
        await self.close(request.order_id, made.id)
        price = f"{request.price.decimal()} {request.price.currency}"
        raise PriceRefused(
            f"stripe would charge {made.amount_total} {made.currency.upper()} in its smallest unit"
            f" for what costs {price} here"
        )

    async def close(self, order_id: str, ref: str) -> bool:  # noqa: ARG002 the session has its id
        try:
            async with within_deadline(NAME):
                await self._api.send(self._api.v1.checkout.sessions.expire_async(ref), Named)
        except ProviderRefused:
            return False
        return True

    async def linked(self, object_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        async with within_deadline(NAME):
            for one in object_ids:
                if one.startswith("pi_"):
                    of: Any = {"payment": {"type": "payment_intent", "payment_intent": one}}
                    made = await self._api.send(
                        self._api.v1.invoice_payments.list_async(of), _InvoicePayments
                    )
                    invoices = [ref_id(each.invoice) for each in made.data]
                    found += [(invoice, one) for invoice in invoices if invoice]
        return found

    async def _open_invoice(self, request: CheckoutRequest) -> Opened:
        metadata = {"order_id": request.order_id}
        amount = to_stripe(request.price)
        currency = request.price.currency.lower()
        customer = request.customer_ref
        if customer is None:
            raise ProviderRefused("an invoice at stripe is a customer's")
        invoices = self._api.v1.invoices
        params: Any = {
            "customer": customer,
            "collection_method": "send_invoice",
            "days_until_due": INVOICE_DUE_DAYS,
            "currency": currency,
            "metadata": metadata,
            "auto_advance": True,
            "pending_invoice_items_behavior": "exclude",
        }
        draft = await self._api.send(
            invoices.create_async(params, idempotency_options(request, "invoice")), Invoice
        )
        item: Any = {
            "customer": customer,
            "invoice": draft.id,
            "amount": amount,
            "currency": currency,
            "description": request.title,
            "metadata": metadata,
        }
        await self._api.send(
            self._api.v1.invoice_items.create_async(item, idempotency_options(request, "item")),
            Named,
        )
        # Its payment's ID is all that a later refund will name.
        expand: Any = {"expand": ["payments"]}
        made = await self._api.send(
            invoices.finalize_invoice_async(
                draft.id, expand, idempotency_options(request, "finalize")
            ),
            Invoice,
        )
        if request.customer_email is not None:
            await self._api.send(
                invoices.send_invoice_async(draft.id, {}, idempotency_options(request, "send")),
                Invoice,
            )
        if not made.hosted_invoice_url:
            raise unavailable(NAME, "an invoice without an address")
        objects = (made.id, *made.payment_ids)
        return Opened(made.hosted_invoice_url, made.id, objects, customer, made.invoice_pdf)

    async def _inquire_session(self, order_id: str, ref: str) -> Sequence[Fact]:
        session = await self._api.send(self._api.v1.checkout.sessions.retrieve_async(ref), Session)
        if order_id not in ((session.metadata or {}).get("order_id"), session.client_reference_id):
            return (Ignored("the checkout is another order's"),)
        return session_facts(session, session.status or "")

    async def _inquire_invoice(self, order_id: str, ref: str) -> Sequence[Fact]:
        params: Any = {"expand": ["payments"]}
        invoice = await self._api.send(self._api.v1.invoices.retrieve_async(ref, params), Invoice)
        if (invoice.metadata or {}).get("order_id") != order_id:
            return (Ignored("the invoice is another order's"),)
        return invoice_facts(invoice, invoice.status or "")


class _Portal(msgspec.Struct):
    url: str


class _InvoicePayments(msgspec.Struct):
    data: list[InvoicePaymentMade] = []
