"""Call Stripe for checkouts, invoices, refunds and charges.

Every object contains the order's ID. Idempotency keys are derived from it, so a request that is repeated after a crash
creates nothing twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec

from billing.ledger.price import Price
from billing.providers.abilities import (
    ListedPage,
    ListedPayment,
    ListedStatus,
    RefundReport,
    RefundRequest,
)
from billing.providers.http import unavailable, within_deadline
from billing.providers.protocol import (
    CheckoutRequest,
    Fact,
    Ignored,
    Opened,
    PriceRefused,
    Provider,
    ProviderRefused,
    Refunded,
    RefundFailed,
)
from billing.providers.stripe.api import StripeApi, StripePart, once
from billing.providers.stripe.events import invoice_facts, refund_facts, session_facts
from billing.providers.stripe.objects import (
    NAME,
    Dispute,
    Invoice,
    InvoicePaymentMade,
    Named,
    Page,
    Ref,
    Refund,
    Session,
    Unreadable,
    from_stripe,
    ref_id,
    to_stripe,
)
from billing.providers.stripe.saved_payment import (
    StripeCustomers,
    StripeSavedCards,
    StripeSharedTokens,
    inquire_charge,
)
from billing.providers.stripe.setup_check import StripeSetupCheck
from billing.providers.stripe.steering import StripeSteering
from kernel.clock import SECOND_US

# An expanded object takes up to 8 kB, and a response is limited to 1 MiB.
PAGE_MAX: Final = 50
# These lists are read one after another. A cursor consists of a list's name and the last ID that was read.
_SOURCES: Final = ("charges", "refunds", "disputes")
_STATUSES: Final[dict[str, ListedStatus]] = {
    "succeeded": "paid",
    "pending": "pending",
    "failed": "failed",
}


class _Fee(msgspec.Struct):
    fee: int
    currency: str


class _ListedCharge(msgspec.Struct):
    id: str
    amount: int
    currency: str
    created: int
    amount_refunded: int = 0
    status: str = ""
    captured: bool = True
    disputed: bool = False
    payment_intent: Ref = None
    invoice: Ref = None
    customer: Ref = None
    metadata: dict[str, str] | None = None
    balance_transaction: _Fee | str | None = None


class _OfCharge(msgspec.Struct):
    """A refund or dispute in a list. If its charge is old, Stripe leaves the charge out."""

    id: str
    charge: _ListedCharge | str | None = None


class StripeListing(StripePart):
    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        source, _, after = (cursor or _SOURCES[0]).partition(":")
        params: Any = {
            "created": {"gte": -(-since // SECOND_US), "lt": -(-until // SECOND_US)},
            "limit": PAGE_MAX,
        }
        if after:
            params["starting_after"] = after
        async with within_deadline(NAME):
            charges, next_cursor = await self._page(source, params)
            try:
                return ListedPage([await self._listed(one) for one in charges], next_cursor)
            except Unreadable:
                raise unavailable(NAME, "a charge in no shape of Stripe's") from None

    async def _page(self, source: str, params: Any) -> tuple[Sequence[_ListedCharge], str | None]:
        v1 = self._api.v1
        if source == "charges":
            params["expand"] = ["data.balance_transaction"]
            found = await self._api.send(v1.charges.list_async(params), Page[_ListedCharge])
            return found.data, _behind(source, found.data, has_more=found.has_more)
        params["expand"] = ["data.charge.balance_transaction"]
        asked = v1.refunds if source == "refunds" else v1.disputes
        made: Any = asked.list_async(params)
        later = await self._api.send(made, Page[_OfCharge])
        charges = [one.charge for one in later.data if isinstance(one.charge, _ListedCharge)]
        return charges, _behind(source, later.data, has_more=later.has_more)

    async def _listed(self, charge: _ListedCharge) -> ListedPayment:
        price = from_stripe(charge.amount, charge.currency)
        ids = (charge.id, ref_id(charge.payment_intent), ref_id(charge.invoice))
        kept = charge.balance_transaction
        status = _STATUSES.get(charge.status, "pending")
        return ListedPayment(
            payment_id=charge.id,
            objects=tuple(one for one in ids if one),
            order_id=_owner_of(charge.metadata or {}),
            customer_ref=ref_id(charge.customer),
            status=status if charge.captured or status != "paid" else "pending",
            price=price,
            refunded=from_stripe(charge.amount_refunded, charge.currency).amount,
            disputed=await self._disputed(charge, price) if charge.disputed else 0,
            fee=from_stripe(kept.fee, kept.currency) if isinstance(kept, _Fee) else None,
            created_at=charge.created * SECOND_US,
        )

    async def _disputed(self, charge: _ListedCharge, price: Price) -> int:
        params: Any = {"charge": charge.id, "limit": PAGE_MAX}
        found = await self._api.send(self._api.v1.disputes.list_async(params), Page[Dispute])
        # An inquiry takes no money. A dispute that is won returns the money.
        taken = [
            from_stripe(one.amount, one.currency).amount
            for one in found.data
            if one.status != "won" and not one.status.startswith("warning_")
        ]
        return min(sum(taken), price.amount)


def _owner_of(metadata: Mapping[str, str]) -> str | None:
    return metadata.get("order_id") or metadata.get("payment_id") or None


def _behind(source: str, data: Sequence[Any], *, has_more: bool) -> str | None:
    if has_more and data:
        return f"{source}:{data[-1].id}"
    following = _SOURCES.index(source) + 1
    return _SOURCES[following] if following < len(_SOURCES) else None


REFUND_ID = "refund_id"
LISTED_MAX = 100


class StripeRefunds(StripePart):
    takes_part = True
    is_named = True
    is_repeatable = True
    tells_parts = True

    async def refund(self, request: RefundRequest) -> RefundReport:
        async with within_deadline(NAME):
            params: Any = {
                **await self._payment(request.payment_ref),
                "amount": to_stripe(request.price),
                "metadata": {"order_id": request.order_id, REFUND_ID: request.id},
            }
            options = once(request.id, "refund")
            made = await self._api.send(self._api.v1.refunds.create_async(params, options), Refund)
        return _word(made)

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:
        try:
            async with within_deadline(NAME):
                if request.provider_refund_id is not None:
                    found = self._api.v1.refunds.retrieve_async(request.provider_refund_id)
                    return _word(await self._api.send(found, Refund))
                wanted: Any = {**await self._payment(request.payment_ref), "limit": LISTED_MAX}
                listed = await self._api.send(self._api.v1.refunds.list_async(wanted), Page[Refund])
        except ProviderRefused:
            # A refusal may come from a replaced key, so it doesn't show that there is no refund.
            raise unavailable(NAME, "no answer about the refund") from None
        ours = [one for one in listed.data if (one.metadata or {}).get(REFUND_ID) == request.id]
        if not ours and listed.has_more:
            raise unavailable(NAME, "more refunds of one payment than are looked at")
        return _word(ours[0]) if ours else None

    async def _payment(self, ref: str) -> dict[str, str]:
        if ref.startswith("ch_"):
            return {"charge": ref}
        if ref.startswith("in_"):
            of: Any = {"invoice": ref, "status": "paid"}
            sent = self._api.v1.invoice_payments.list_async(of)
            made = await self._api.send(sent, Page[InvoicePaymentMade])
            for one in made.data:
                paid_by = one.payment
                intent = None if paid_by is None else ref_id(paid_by.payment_intent)
                charge = None if paid_by is None else ref_id(paid_by.charge)
                if intent is not None:
                    return {"payment_intent": intent}
                if charge is not None:
                    return {"charge": charge}
            raise ProviderRefused(f"Stripe has no payment for invoice {ref}.")
        if ref.startswith("cs_"):
            found = await self._api.send(
                self._api.v1.checkout.sessions.retrieve_async(ref), Session
            )
            intent = ref_id(found.payment_intent)
            if intent is None:
                raise ProviderRefused(f"Stripe has no payment for checkout {ref}.")
            return {"payment_intent": intent}
        return {"payment_intent": ref}


def _word(made: Refund) -> RefundReport:
    try:
        facts = refund_facts(made, "")
    except Unreadable:
        raise unavailable(NAME, "a refund without an amount") from None
    fact = facts[0]
    if isinstance(fact, RefundFailed):
        return RefundReport("failed", made.id, fact, detail=f"stripe says {made.status}")
    if isinstance(fact, Refunded):
        return RefundReport("pending" if fact.is_pending else "succeeded", made.id, fact)
    return RefundReport("pending", made.id, detail=f"stripe says {made.status}")


INVOICE_DUE_DAYS = 7


class StripeCalls:
    """Stripe with credentials. Notifications are read and simulated by `plain`."""

    keeps_payments = True

    def __init__(
        self, plain: Provider, key: str, api_base: str, client: httpx.AsyncClient, profile_id: str
    ) -> None:
        self.read, self.simulate = plain.read, plain.simulate
        self._api = StripeApi(key, api_base, client)
        self.abilities = _abilities_of(self._api, profile_id)

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
            "line_items": [{"quantity": 1, **_priced(request)}],
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            **_payer(request),
        }
        if request.trial_days:
            params["subscription_data"]["trial_period_days"] = request.trial_days
        if request.expires_at is not None:
            params["expires_at"] = request.expires_at // SECOND_US
        if request.discount:
            coupons: Any = self._api.v1.coupons
            wanted = _first_discount(request)
            made = await self._api.send(
                coupons.create_async(wanted, _options(request, "coupon")), Named
            )
            params["discounts"] = [{"coupon": made.id}]
        session = await self._made_session(request, params)
        if not session.url:
            raise unavailable(NAME, "a session without an address")
        ids = [session.id, ref_id(session.payment_intent), ref_id(session.subscription)]
        objects = tuple(one for one in ids if one)
        return Opened(session.url, session.id, objects, ref_id(session.customer))

    async def _made_session(self, request: CheckoutRequest, params: Any) -> Session:
        """Create the session and check that it has the order's price.

        If the price differs, expire the session before anybody sees its page, and raise PriceRefused.
        """
        sessions = self._api.v1.checkout.sessions
        try:
            made = await self._api.send(
                sessions.create_async(params, _options(request, "session")), Session
            )
        except ProviderRefused as error:
            if request.product_ref is not None and "line_items" in error.detail:
                raise PriceRefused(
                    f"Stripe rejected the plan's price {request.product_ref}."
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
            f"Stripe's price is {made.amount_total} {made.currency.upper()} in the smallest unit, "
            f"but the price here is {price}. Set both to the same price."
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
                        self._api.v1.invoice_payments.list_async(of), Page[InvoicePaymentMade]
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
            invoices.create_async(params, _options(request, "invoice")), Invoice
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
            self._api.v1.invoice_items.create_async(item, _options(request, "item")),
            Named,
        )
        # A later refund identifies only its payment, so store that payment's ID now.
        expand: Any = {"expand": ["payments"]}
        made = await self._api.send(
            invoices.finalize_invoice_async(draft.id, expand, _options(request, "finalize")),
            Invoice,
        )
        if request.customer_email is not None:
            await self._api.send(
                invoices.send_invoice_async(draft.id, {}, _options(request, "send")),
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


def _abilities_of(api: StripeApi, profile_id: str) -> tuple[object, ...]:
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


def _options(request: CheckoutRequest, step: str) -> Any:
    return once(request.order_id, step, *filter(None, [request.customer_ref]))


def _priced(request: CheckoutRequest) -> dict[str, Any]:
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


def _first_discount(request: CheckoutRequest) -> dict[str, Any]:
    currency = request.price.currency
    return {
        "amount_off": to_stripe(Price(request.discount, currency)),
        "currency": currency.lower(),
        "duration": "once",
        "max_redemptions": 1,
        "metadata": {"order_id": request.order_id},
    }


def _payer(request: CheckoutRequest) -> dict[str, str]:
    if request.customer_ref is not None:
        return {"customer": request.customer_ref}
    return {} if request.customer_email is None else {"customer_email": request.customer_email}
