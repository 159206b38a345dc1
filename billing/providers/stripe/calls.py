"""Stripe's checkouts, called through Stripe's own library over our HTTP client.

Every object carries the order's ID, and every request an idempotency key made from it, so calling again after
a crash makes nothing twice. Parameters are made from the request alone: the same each time.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from billing.ledger.price import Price
from billing.providers.http import unavailable, within_deadline
from billing.providers.protocol import (
    CheckoutRequest,
    Fact,
    Ignored,
    Opened,
    PriceRefused,
    ProviderRefused,
)
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.events import invoice_facts, session_facts
from billing.providers.stripe.listing import StripeListing
from billing.providers.stripe.objects import (
    NAME,
    Invoice,
    InvoicePaymentMade,
    Named,
    Session,
    Unreadable,
    ref_id,
    to_stripe,
)
from billing.providers.stripe.refunds import StripeRefunds
from billing.providers.stripe.saved_payment import StripeCustomers, StripeSavedCards, inquire_charge
from billing.providers.stripe.setup_check import StripeSetupCheck
from billing.providers.stripe.shared_tokens import StripeSharedTokens
from billing.providers.stripe.steering import StripeSteering
from kernel.clock import SECOND_US

API_BASE = "https://api.stripe.com"
INVOICE_DUE_DAYS = 7
T = TypeVar("T")


class StripeCalls:
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
                    f"Stripe doesn't sell the plan's price {request.product_ref}."
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
            f"Stripe would charge {made.amount_total} {made.currency.upper()} in its "
            f"smallest unit for what costs {price} here. Set both to one price."
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
            raise ProviderRefused("Stripe requires a customer for an invoice.")
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


def abilities_of(api: StripeApi, profile_id: str) -> tuple[object, ...]:
    """Return its parts; profile_id empty: no shared tokens."""
    tokens = (StripeSharedTokens(api, profile_id),) if profile_id else ()
    return (
        *tokens,
        StripeListing(api),
        StripeRefunds(api),
        StripeSavedCards(api),
        StripeSetupCheck(api),
        StripeSteering(api),
        StripeCustomers(api),
    )


def idempotency_options(request: CheckoutRequest, step: str) -> Any:
    """Return one step's idempotency key; another one if the customer was made again."""
    whose = "" if request.customer_ref is None else f"/{request.customer_ref}"
    return {"idempotency_key": f"topup/{request.order_id}/{step}{whose}"}


def priced(request: CheckoutRequest) -> dict[str, Any]:
    """Return the line's price: one of Stripe's own, or the amount; a subscription's is of any period."""
    if request.product_ref is not None:
        return {"price": request.product_ref}
    full = Price(request.price.amount + request.discount, request.price.currency)
    price: dict[str, Any] = {
        "currency": full.currency.lower(),
        "unit_amount": to_stripe(full),
        "product_data": {"name": request.title},
    }
    if request.kind == "subscription":
        price["recurring"] = {"interval": request.interval or "month"}
    return {"price_data": price}


def first_discount(request: CheckoutRequest) -> dict[str, Any]:
    currency = request.price.currency
    return {
        "amount_off": to_stripe(Price(request.discount, currency)),
        "currency": currency.lower(),
        "duration": "once",
        "max_redemptions": 1,
        "metadata": {"order_id": request.order_id},
    }


def payer(request: CheckoutRequest) -> dict[str, str]:
    if request.customer_ref is not None:
        return {"customer": request.customer_ref}
    return {} if request.customer_email is None else {"customer_email": request.customer_email}
