"""Sell through Creem: hosted checkout of Creem's own products, subscriptions, and its customer portal.

Creem is the merchant of record and may add tax. A fact's price is before tax, and never more than what was paid.
Refunded amounts are reduced by the share of tax. Creem has no idempotency keys, so requests other than checkouts are
sent only once. A refund returns everything that is left of a payment. Source: docs.creem.io (event types, webhooks,
API reference).
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec
from pydantic import Field, SecretStr

from billing.ledger.price import Price, check_currency
from billing.providers.abilities import (
    ListedPage,
    ListedPayment,
    ListedStatus,
    RefundReport,
    RefundRequest,
    SetupFinding,
    SteerRequest,
    WantedPrice,
    WantedSetup,
    price_finding,
    price_problems,
    refund_made,
    unlisted_webhook,
)
from billing.providers.breakdown import Breakdown, TaxPart, taxes_of
from billing.providers.event_log import in_words
from billing.providers.http import (
    TRIES_MAX,
    call,
    check_signature,
    decoded,
    refused,
    unavailable,
    within_deadline,
)
from billing.providers.protocol import (
    CheckoutRequest,
    Disputed,
    DisputeNote,
    Expired,
    Fact,
    Failed,
    Ignored,
    Interval,
    InvoicePaid,
    Notification,
    NotificationRefused,
    Opened,
    Paid,
    PriceRefused,
    ProductField,
    ProviderRefused,
    ProviderSettings,
    Received,
    Refunded,
    RefundFailed,
    Registration,
    SandboxEvent,
    Subject,
    SubscriptionChanged,
    SubscriptionStatus,
    Waiting,
    rotated,
)
from kernel.clock import Clock, parse_rfc3339, rfc3339_ms
from kernel.errors import InvalidInput
from keys.principal import Environment

_SUBSCRIPTION_STATUSES: dict[str, SubscriptionStatus] = {
    "active": "active",
    "trialing": "active",
    "scheduled_cancel": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "paused": "paused",
    "canceled": "cancelled",
    "expired": "expired",
}


class _Named(msgspec.Struct):
    id: str


Ref = str | _Named | None


class _Amount(_Named):
    """An amount at Creem. `amount` excludes tax; `amount_paid` includes it."""

    amount: int
    currency: str
    amount_paid: int | None = None
    tax_amount: int | None = None
    discount_amount: int | None = None

    @property
    def breakdown(self) -> Breakdown | None:
        tax, discount = self.tax_amount or 0, self.discount_amount or 0
        paid = self.amount_paid
        if paid is None or paid <= 0 or tax < 0 or discount < 0 or not (tax or discount):
            return None
        is_added = paid > self.price.amount
        taxes = taxes_of([TaxPart("Tax, collected by Creem", tax, not is_added)])
        subtotal = paid + discount - (tax if is_added else 0)
        return Breakdown(subtotal=subtotal, total=paid, discount=discount, taxes=taxes)

    @property
    def price(self) -> Price:
        paid = self.amount if self.amount_paid is None else min(self.amount, self.amount_paid)
        if paid < 0 or len(self.currency) != 3:
            raise ValueError("no price")
        return Price(paid, self.currency.upper())


class _Order(_Amount):
    status: str = ""
    type: str = ""
    product: Ref = None
    transaction: Ref = None


class Product(_Named):
    price: int | None = None
    currency: str | None = None


class Transaction(_Amount):
    order: Ref = None
    subscription: Ref = None
    status: str = "paid"
    created_at: int | str | None = None


class Checkout(_Named):
    request_id: str | None = None
    metadata: dict[str, Any] | None = None
    order: _Order | None = None
    customer: Ref = None
    product: str | Product | None = None
    subscription: Ref = None
    status: str = ""
    checkout_url: str | None = None

    @property
    def order_id(self) -> str | None:
        return self.request_id or _order_of(self.metadata)

    def objection(self, sold: str | None) -> str | None:
        """Return why the paid product isn't the requested one, or None if it is.

        `sold` is the product that sells credit. If the checkout's metadata names no product, `sold` was requested.
        """
        asked = (self.metadata or {}).get("product_id")
        if asked is None and self.order is not None and self.order.type == "onetime":
            asked = sold
        paid = id_of(self.order.product if self.order else None) or id_of(self.product)
        if not asked or not paid or paid == asked:
            return None
        return f"product {paid} was paid, not {asked}"


class Standing(_Named):
    status: str = ""
    product: str | Product | None = None
    customer: Ref = None
    metadata: dict[str, Any] | None = None
    last_transaction_id: str | None = None
    last_transaction: Transaction | None = None
    last_transaction_date: str | None = None
    current_period_start_date: str | None = None
    current_period_end_date: str | None = None


class _Reversal(_Named):
    status: str = ""
    transaction: str | Transaction | None = None
    checkout: Checkout | None = None
    order: _Order | None = None


class _Refund(_Reversal, kw_only=True):
    refund_amount: int
    refund_currency: str

    @property
    def money(self) -> Price:
        return Price(self.refund_amount, self.refund_currency.upper())


class _Dispute(_Reversal, kw_only=True):
    amount: int
    currency: str

    @property
    def money(self) -> Price:
        return Price(self.amount, self.currency.upper())


class Event(msgspec.Struct):
    id: str
    type: str = msgspec.field(name="eventType")
    object: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    created_at: int | str | None = None

    @property
    def sent_at(self) -> int | None:
        return self.created_at * 1000 if isinstance(self.created_at, int) else None


def facts_of(event: Event, sold: str | None = None) -> Sequence[Fact]:
    family, _, kind = event.type.partition(".")
    if family == "checkout":
        return checkout_facts(msgspec.json.decode(event.object, type=Checkout), kind, sold)
    if family == "subscription":
        found = msgspec.json.decode(event.object, type=Standing)
        return _subscription_facts(found, kind, event.sent_at)
    if event.type == "refund.created":
        return _reversal_facts(msgspec.json.decode(event.object, type=_Refund))
    if event.type == "dispute.created":
        return _reversal_facts(msgspec.json.decode(event.object, type=_Dispute))
    return (Ignored("nothing to us"),)


def checkout_facts(checkout: Checkout, kind: str = "", sold: str | None = None) -> Sequence[Fact]:
    order = checkout.order
    subject = _subject(
        checkout.order_id,
        checkout.id,
        id_of(order),
        id_of(order.transaction) if order else None,
        id_of(checkout.subscription),
    )
    if order is not None and order.status == "paid":
        return (
            Paid(
                subject,
                payment_id=id_of(order.transaction) or order.id,
                price=order.price,
                customer_ref=id_of(checkout.customer),
                subscription_ref=id_of(checkout.subscription),
                objection=checkout.objection(sold),
                breakdown=order.breakdown,
            ),
        )
    if kind == "failed":
        return (Failed(subject, "the payment failed"),)
    if "expired" in (kind, checkout.status):
        return (Expired(subject),)
    return (Waiting(subject),)


def _subscription_facts(subscription: Standing, kind: str, sent_at: int | None) -> Sequence[Fact]:
    paid = subscription.last_transaction
    transaction = subscription.last_transaction_id or id_of(paid)
    subject = _subject(_order_of(subscription.metadata), subscription.id, transaction)
    product = subscription.product
    product_ref = product.id if isinstance(product, Product) else product
    end = subscription.current_period_end_date
    if kind == "paid":
        if transaction is None or end is None or subscription.current_period_start_date is None:
            raise ValueError("a payment without its period")
        listed = InvoicePaid(
            subject,
            subscription_ref=subscription.id,
            invoice_id=transaction,
            price=_listed_price(product) if paid is None else _price_of(product) or paid.price,
            period_start_at=parse_rfc3339(subscription.current_period_start_date),
            period_end_at=parse_rfc3339(end),
            product_ref=product_ref,
            customer_ref=id_of(subscription.customer),
            is_listed=True,
        )
        paid_at = _moment(subscription.last_transaction_date) or sent_at
        return (listed if paid is None else with_transaction(listed, paid, paid_at),)
    if kind == "trialing" and end is not None and subscription.current_period_start_date:
        return (_trial(subscription, subject, product_ref),)
    status = _SUBSCRIPTION_STATUSES.get(subscription.status if kind == "update" else kind)
    if status is None:
        return (Ignored("a standing that changes nothing"),)
    return (
        SubscriptionChanged(
            subject,
            subscription_ref=subscription.id,
            status=status,
            period_end_at=None if end is None else parse_rfc3339(end),
            is_ending="scheduled_cancel" in (kind, subscription.status),
            product_ref=product_ref,
            sent_at=sent_at,
        ),
    )


def with_transaction(
    listed: InvoicePaid, paid: Transaction, paid_at: int | None = None
) -> InvoicePaid:
    """Return the fact with the price that the transaction shows.

    A price below the product's own, without a discount, means that the plan changed within the period. The fact's
    period then starts at the payment, because Creem reports the whole period's start.
    """
    if paid.price.currency != listed.price.currency or paid.price.amount >= listed.price.amount:
        return replace(listed, price=paid.price, breakdown=paid.breakdown, is_listed=False)
    at = _moment(paid.created_at) or paid_at or listed.period_start_at
    is_within = listed.period_start_at < at < listed.period_end_at
    is_rest = is_within and not paid.discount_amount
    return replace(
        listed,
        price=paid.price,
        period_start_at=at if is_rest else listed.period_start_at,
        is_prorated=True,
        breakdown=paid.breakdown,
        is_listed=False,
    )


def _moment(told: int | str | None) -> int | None:
    if told is None:
        return None
    return told * 1000 if isinstance(told, int) else parse_rfc3339(told)


def _trial(subscription: Standing, subject: Subject, product_ref: str | None) -> InvoicePaid:
    start, end = subscription.current_period_start_date, subscription.current_period_end_date
    assert start is not None, "the caller looked"
    assert end is not None, "the caller looked"
    product = subscription.product
    currency = product.currency if isinstance(product, Product) else None
    return InvoicePaid(
        subject,
        subscription_ref=subscription.id,
        invoice_id=f"{subscription.id}/trial",
        price=Price(0, (currency or "USD").upper()),
        period_start_at=parse_rfc3339(start),
        period_end_at=parse_rfc3339(end),
        product_ref=product_ref,
        customer_ref=id_of(subscription.customer),
    )


def standing_of(subscription: Standing) -> SubscriptionChanged:
    for fact in _subscription_facts(subscription, "update", None):
        if isinstance(fact, SubscriptionChanged):
            return fact
    raise ProviderRefused(
        f"The subscription at Creem is {subscription.status[:40]}, so it can't be changed."
    )


def _reversal_facts(reversal: _Refund | _Dispute) -> Sequence[Fact]:
    paid = reversal.transaction if isinstance(reversal.transaction, Transaction) else None
    price = untaxed(reversal.money, paid or reversal.order)
    order, checkout = reversal.order, reversal.checkout
    subject = _subject(
        checkout.order_id if checkout else None,
        id_of(reversal.transaction),
        id_of(paid.order) if paid else None,
        id_of(order),
        id_of(checkout),
    )
    if isinstance(reversal, _Dispute):
        page = "https://www.creem.io/dashboard"
        note = DisputeNote(reversal.status or "open", page_url=page)
        return (Disputed(subject, reversal.id, price, note),)
    if reversal.status in ("failed", "canceled"):
        return (RefundFailed(subject, reversal.id, price),)
    is_pending = reversal.status in ("pending", "requiresAction")
    return (Refunded(subject, reversal.id, price, is_pending=is_pending),)


def untaxed(price: Price, paid: _Amount | None) -> Price:
    if price.amount < 0 or len(price.currency) != 3:
        raise ValueError("no price")
    if paid is None or not paid.amount_paid or paid.amount_paid <= paid.amount:
        return price
    return Price(-(-price.amount * paid.amount // paid.amount_paid), price.currency)


def _listed_price(product: str | Product | None) -> Price:
    found = _price_of(product)
    if found is None:
        raise ValueError("a payment without a price")
    return found


def _price_of(product: str | Product | None) -> Price | None:
    if not isinstance(product, Product) or product.price is None or not product.currency:
        return None
    return _Amount(product.id, product.price, product.currency).price


def id_of(ref: Ref) -> str | None:
    return ref if ref is None or isinstance(ref, str) else ref.id


def _order_of(metadata: Mapping[str, Any] | None) -> str | None:
    found = (metadata or {}).get("order_id")
    return found if isinstance(found, str) and found else None


def _subject(order_id: str | None, *ids: str | None) -> Subject:
    return Subject(order_id, tuple(dict.fromkeys(one for one in ids if one)))


Ask = Callable[..., Awaitable[Any]]
PERIODS: Final[dict[Interval, str]] = {"month": "every-month", "year": "every-year"}
_ANY_PRODUCT: Final = "/v1/products/search?page_number=1&page_size=1"


class CreemProduct(msgspec.Struct):
    price: int | None = None
    currency: str = ""
    billing_type: str = ""
    billing_period: str = ""
    status: str = "active"


class _Part:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask


class CreemSetupCheck(_Part):
    def __init__(self, ask: Ask, credit_product: str | None, unit_amount: int) -> None:
        super().__init__(ask)
        self._credit_product = credit_product
        self._unit_amount = unit_amount

    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        try:
            await self._ask("GET", _ANY_PRODUCT, CreemProduct)
        except ProviderRefused:
            mode = "live" if wanted.is_live else "test"
            where = wanted.setting("CREEM_API_KEY")
            detail = f"Creem's {mode} mode doesn't accept the key. Set {where} again"
            return (SetupFinding("key", False, detail),)
        found = [SetupFinding("key", True, "works"), unlisted_webhook("Creem", wanted)]
        if self._credit_product is not None:
            found.append(await self._credit(self._credit_product))
        return [*found, *[await self._plan(one) for one in wanted.prices]]

    async def _credit(self, product: str) -> SetupFinding:
        try:
            sold = await self._product(product)
        except ProviderRefused:
            return SetupFinding("credit product", False, f"Creem has no product {product[:80]}")
        if sold.price != self._unit_amount or sold.status != "active":
            detail = (
                f"{product[:80]} costs {sold.price} there and TOPUP_CREEM_CREDIT_UNIT_AMOUNT says"
                f" {self._unit_amount}; its status is {sold.status[:20]}"
            )
            return SetupFinding("credit product", False, detail)
        return SetupFinding("credit product", True, "is sold at the unit's price")

    async def _plan(self, wanted: WantedPrice) -> SetupFinding:
        try:
            sold = await self._product(wanted.ref)
        except ProviderRefused:
            return price_finding(wanted, ["Creem has no such product for this key"])
        return price_finding(wanted, _differences(wanted, sold))

    async def _product(self, product: str) -> CreemProduct:
        query = urlencode({"product_id": product})
        found: CreemProduct = await self._ask("GET", f"/v1/products?{query}", CreemProduct)
        return found


def _differences(wanted: WantedPrice, sold: CreemProduct) -> list[str]:
    found: list[str] = [] if sold.status == "active" else [f"its status is {sold.status[:20]}"]
    if sold.billing_type != "recurring":
        found.append("it is not a recurring product")
    elif sold.billing_period != PERIODS[wanted.interval]:
        found.append(f"it is charged {sold.billing_period[:30]}")
    try:
        price = Price(sold.price or 0, check_currency(sold.currency))
    except InvalidInput:
        return [*found, f"its currency is {sold.currency[:8]}"]
    return found + price_problems(wanted, price)


PAGE_MAX: Final = 50
MILLISECOND_US: Final = 1_000
# September 2001 in milliseconds. A smaller number is in seconds.
_EARLIEST_MS: Final = 1_000_000_000_000
_STATUSES: Final[dict[str, ListedStatus]] = {
    "paid": "paid",
    "refunded": "paid",
    "partialRefund": "paid",
    "chargedBack": "paid",
    # Creem's examples of notifications use this spelling.
    "chargeback": "paid",
    "uncollectible": "failed",
    "declined": "failed",
    "void": "failed",
}
_CHARGED_BACK: Final = frozenset({"chargedBack", "chargeback"})


class _Listed(Transaction):
    type: str = ""
    refunded_amount: int | None = None
    customer: Ref = None


class _Pagination(msgspec.Struct):
    next_page: int | None = None


class Transactions(msgspec.Struct):
    items: list[_Listed]
    pagination: _Pagination


class CreemListing(_Part):
    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        number = 1 if cursor is None else int(cursor)
        query = urlencode({"page_number": number, "page_size": PAGE_MAX})
        found = await self._ask("GET", f"/v1/transactions/search?{query}", Transactions)
        try:
            listed = [_listed(one) for one in found.items]
        except ValueError:
            raise unavailable("creem", "a transaction in no shape of Creem's") from None
        following = found.pagination.next_page
        if following is not None and following <= number:
            raise unavailable("creem", "a list that leads back to its beginning")
        wanted = [one for one in listed if since <= one.created_at < until or _went_back(one)]
        return ListedPage(wanted, None if following is None else str(following))


def _went_back(one: ListedPayment) -> bool:
    return one.refunded + one.disputed > 0


def _listed(one: _Listed) -> ListedPayment:
    made_at_ms = one.created_at
    if not isinstance(made_at_ms, int) or made_at_ms < _EARLIEST_MS:
        raise ValueError("a time in another unit")
    price = one.price
    is_charged_back = one.status in _CHARGED_BACK
    back = msgspec.structs.replace(one, amount=one.refunded_amount or 0, amount_paid=None).price
    gone = min(untaxed(back, one).amount, price.amount)
    # A renewal contains the order that started the plan, so ignore that order.
    order = None if one.type == "invoice" else id_of(one.order)
    return ListedPayment(
        payment_id=one.id,
        objects=tuple(name for name in (one.id, order) if name),
        customer_ref=id_of(one.customer),
        status=_STATUSES.get(one.status, "pending"),
        price=price,
        # Every chargeback returns the full amount, and Creem also reports it as a refund.
        refunded=0 if is_charged_back else gone,
        disputed=price.amount if is_charged_back else 0,
        created_at=made_at_ms * MILLISECOND_US,
    )


NAME = "creem"
T = TypeVar("T")
API_BASES: Mapping[Environment, str] = {
    "live": "https://api.creem.io",
    "staging": "https://test-api.creem.io",
}
SIGNATURE_HEADER = b"creem-signature"


class Settings(ProviderSettings):
    api_key: SecretStr = Field(default=SecretStr(""), description="Creem's API key.")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="The secret of Creem's webhook, or `new,old`."
    )
    credit_product_id: str | None = Field(
        default=None,
        description="The Creem product with which packs and amounts of credit are sold.",
    )
    credit_unit_amount: int = Field(
        default=100,
        ge=1,
        description="The price of that product at Creem, in the currency's smallest unit.",
    )

    @property
    def is_complete(self) -> bool:
        return bool(self.api_key.get_secret_value() and self.webhook_secrets)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return rotated(self.webhook_secret)

    @classmethod
    def for_sandbox(cls, secret: str) -> "Settings":
        return cls(webhook_secret=SecretStr(secret))


class _Portal(msgspec.Struct):
    customer_portal_link: str


class Creem:
    def __init__(
        self, settings: Settings, environment: Environment, client: httpx.AsyncClient, clock: Clock
    ) -> None:
        self._key = settings.api_key.get_secret_value()
        self._secrets = [secret.encode() for secret in settings.webhook_secrets]
        self._base = settings.api_base or API_BASES[environment]
        self._credit_product = settings.credit_product_id
        self._unit_amount = settings.credit_unit_amount
        self._client = client
        self._clock = clock
        self.abilities: tuple[object, ...] = (
            CreemSteering(self._call),
            CreemRefunds(self._call),
            CreemListing(self._call),
            CreemPaidSum(self._call),
            CreemSetupCheck(self._call, self._credit_product, self._unit_amount),
        )

    async def open(self, request: CheckoutRequest) -> Opened:
        product, units = self._product(request)
        body: dict[str, Any] = {
            "product_id": product,
            "request_id": request.order_id,
            "units": units,
            "success_url": request.success_url,
            "metadata": {"order_id": request.order_id, "product_id": product},
        }
        if request.customer_ref is not None:
            body["customer"] = {"id": request.customer_ref}
        elif request.customer_email is not None:
            body["customer"] = {"email": request.customer_email}
        made = await self._call("POST", "/v1/checkouts", Checkout, body)
        if not made.checkout_url:
            raise unavailable(NAME, "a checkout without an address")
        await self._check_price(request, made, product, units)
        return Opened(made.checkout_url, made.id, (made.id,))

    async def _check_price(
        self, request: CheckoutRequest, made: Checkout, product: str, units: int
    ) -> None:
        sold = made.product
        if not isinstance(sold, Product) or sold.price is None or sold.currency is None:
            query = urlencode({"product_id": product})
            sold = await self._call("GET", f"/v1/products?{query}", Product)
        if sold.price is None or sold.currency is None:
            raise unavailable(NAME, "a product without a price")
        price_there = Price(sold.price * units, sold.currency.upper())
        if price_there != request.price:
            raise PriceRefused(
                f"Creem would charge {in_words(price_there)}, but the price here is "
                f"{in_words(request.price)}. Set both to the same price."
            )

    def _product(self, request: CheckoutRequest) -> tuple[str, int]:
        if request.product_ref is not None:
            return request.product_ref, 1
        if not self._credit_product:
            raise ProviderRefused(
                "Creem can sell only products that are defined in Creem. Set a Creem product for this purchase."
            )
        units, rest = divmod(request.price.amount, self._unit_amount)
        if rest:
            raise PriceRefused("Creem sells credit in whole units only. Choose another amount.")
        return self._credit_product, units

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        query = urlencode({"checkout_id": ref})
        try:
            found = await self._call("GET", f"/v1/checkouts?{query}", Checkout)
        except ProviderRefused:
            raise unavailable(NAME, "no answer about the payment") from None
        if found.order_id != order_id:
            return (Ignored("the checkout is another order's"),)
        return checkout_facts(found, sold=self._credit_product)

    async def portal(self, customer_ref: str, return_url: str) -> str:  # noqa: ARG002 it takes none
        body = {"customer_id": customer_ref}
        made = await self._call("POST", "/v1/customers/billing", _Portal, body)
        return made.customer_portal_link

    def read(self, received: Received) -> Notification:
        signature = received.headers.get(SIGNATURE_HEADER, b"").strip().lower()
        check_signature(signature, self._signatures(received.body))
        try:
            event = msgspec.json.decode(received.body, type=Event)
            if not event.id:
                raise ValueError("no id")
            return Notification(event.id, event.type, tuple(facts_of(event, self._credit_product)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise NotificationRefused("The event isn't in Creem's format.", reason="form") from None

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        event_type, made = simulated(sandbox_event)
        body = msgspec.json.encode(
            {
                "id": sandbox_event.event_id,
                "eventType": event_type,
                "created_at": self._clock.now_us() // 1000,
                "object": made,
            }
        )
        headers = {
            b"content-type": b"application/json",
            SIGNATURE_HEADER: self._signatures(body)[0],
        }
        return Received("POST", headers, b"", body)

    def _signatures(self, body: bytes) -> list[bytes]:
        return [hmac.digest(one, body, hashlib.sha256).hex().encode() for one in self._secrets]

    async def _call(
        self,
        method: str,
        path: str,
        form: type[T],
        body: Mapping[str, Any] | None = None,
        *,
        is_once: bool = False,
    ) -> T:
        if not self._key:
            raise ProviderRefused("Creem has no credentials in this environment.")
        headers = {"x-api-key": self._key, "Content-Type": "application/json"}
        content = b"" if body is None else msgspec.json.encode(body)
        async with within_deadline(NAME):
            answer = await call(
                self._client,
                NAME,
                method,
                self._base + path,
                headers=headers,
                content=content,
                tries_max=1 if is_once else TRIES_MAX,
            )
        if answer.status >= 300:
            raise refused(NAME, answer.status)
        return decoded(NAME, answer.body, form)


class CreemRefunds(_Part):
    takes_part = False
    is_named = False
    is_repeatable = False
    tells_parts = False

    async def refund(self, request: RefundRequest) -> RefundReport:
        body = {"transaction_id": request.payment_ref}
        made = await self._ask("POST", "/v1/refunds", _Made, body, is_once=True)
        if made.status in ("failed", "canceled"):
            return RefundReport("failed", detail=f"creem says {made.status}")
        if made.status == "succeeded":
            return refund_made(request)
        if made.status in ("pending", "requiresAction"):
            return RefundReport("pending", detail=f"creem says {made.status}")
        raise unavailable("creem", "an unknown word about the refund")

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:
        query = urlencode({"transaction_id": request.payment_ref})
        try:
            found = await self._ask("GET", f"/v1/transactions?{query}", _Returned)
        except ProviderRefused:
            raise unavailable("creem", "no answer about the refund") from None
        if found.id != request.payment_ref:
            raise unavailable("creem", "an answer about another payment")
        whole = found.amount if found.amount_paid is None else found.amount_paid
        if (found.refunded_amount or 0) >= whole > 0:
            return refund_made(request)
        return None


class _Made(msgspec.Struct):
    status: str


class _Returned(msgspec.Struct):
    """A refunded transaction. `amount` excludes tax; the other amounts include it."""

    id: str
    amount: int
    amount_paid: int | None = None
    refunded_amount: int | None = None


class CreemPaidSum(_Part):
    async def with_sum(self, paid: InvoicePaid) -> InvoicePaid:
        query = urlencode({"transaction_id": paid.invoice_id})
        found = await self._ask("GET", f"/v1/transactions?{query}", Transaction)
        if found.id != paid.invoice_id:
            raise ProviderRefused("Creem returned the wrong transaction.")
        return with_transaction(paid, found)


_PATH = "/v1/subscriptions"


class CreemSteering(_Part):
    pauses_until = False

    async def standing(self, subscription_ref: str) -> SubscriptionChanged:
        query = urlencode({"subscription_id": subscription_ref})
        return standing_of(await self._ask("GET", f"{_PATH}?{query}", Standing))

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        what, body = _wanted(request)
        path = f"{_PATH}/{quote(request.subscription_ref, safe='')}/{what}"
        return standing_of(await self._ask("POST", path, Standing, body, is_once=True))


def _wanted(request: SteerRequest) -> tuple[str, Mapping[str, Any]]:
    if request.act in {"pause", "resume"}:
        return request.act, {}
    if request.act == "change":
        behavior = "proration-charge-immediately" if request.is_charged_now else "proration-none"
        return "upgrade", {"product_id": request.product_ref, "update_behavior": behavior}
    if request.act == "cancel_now":
        return "cancel", {"mode": "immediate"}
    # Without onExecute, a store setting may pause the subscription instead of ending it.
    return "cancel", {"mode": "scheduled", "onExecute": "cancel"}


_STANDINGS = {
    "renewed": ("paid", "active"),
    "renewal_failed": ("past_due", "past_due"),
    "changed": ("update", "active"),
    "ended": ("canceled", "canceled"),
}


def simulated(sandbox_event: SandboxEvent) -> tuple[str, dict[str, Any]]:
    if sandbox_event.outcome == "refunded":
        return "refund.created", _simulated_refund(sandbox_event)
    if sandbox_event.outcome in _STANDINGS:
        kind, status = _STANDINGS[sandbox_event.outcome]
        if sandbox_event.outcome == "changed" and sandbox_event.is_paused:
            kind = status = "paused"
        elif sandbox_event.outcome == "changed" and sandbox_event.is_ending:
            status = "scheduled_cancel"
        return f"subscription.{kind}", _simulated_subscription(sandbox_event, status)
    kind = {"paid": "completed", "failed": "failed", "expired": "expired"}[sandbox_event.outcome]
    order = {
        "id": f"ord_{sandbox_event.payment_id}",
        "object": "order",
        "amount": sandbox_event.price.amount,
        "amount_paid": sandbox_event.price.amount,
        "currency": sandbox_event.price.currency,
        "status": "paid" if sandbox_event.outcome == "paid" else "pending",
        "type": "recurring" if sandbox_event.kind == "subscription" else "onetime",
        "transaction": sandbox_event.payment_id,
    }
    return f"checkout.{kind}", {
        "id": sandbox_event.ref,
        "object": "checkout",
        "request_id": sandbox_event.order_id,
        "metadata": {"order_id": sandbox_event.order_id},
        "order": order,
        "customer": sandbox_event.customer_ref,
        "subscription": sandbox_event.subscription_ref,
        "status": kind,
    }


def _simulated_refund(sandbox_event: SandboxEvent) -> dict[str, Any]:
    return {
        "id": f"ref_{sandbox_event.event_id}",
        "object": "refund",
        "status": "succeeded",
        "refund_amount": sandbox_event.price.amount,
        "refund_currency": sandbox_event.price.currency,
        "transaction": sandbox_event.payment_id,
        "checkout": {"id": sandbox_event.ref, "request_id": sandbox_event.order_id},
    }


def _simulated_subscription(sandbox_event: SandboxEvent, status: str) -> dict[str, Any]:
    moments = (sandbox_event.period_start_at, sandbox_event.period_end_at)
    start, end = (None if moment is None else rfc3339_ms(moment) for moment in moments)
    return {
        "id": sandbox_event.subscription_ref,
        "object": "subscription",
        "status": status,
        "product": {
            "id": sandbox_event.product_ref or "",
            "price": (sandbox_event.full_price or sandbox_event.price).amount,
            "currency": sandbox_event.price.currency,
        },
        "customer": sandbox_event.customer_ref,
        "metadata": {"order_id": sandbox_event.order_id},
        "last_transaction_id": sandbox_event.payment_id,
        "last_transaction": {
            "id": sandbox_event.payment_id,
            "amount": sandbox_event.price.amount,
            "amount_paid": sandbox_event.price.amount,
            "currency": sandbox_event.price.currency,
        },
        "current_period_start_date": start,
        "current_period_end_date": end,
    }


PROVIDER = Registration(
    name=NAME,
    label="Creem",
    settings=Settings,
    make=Creem,
    paths=("/payment/webhook/creem",),
    kinds=("payment", "subscription"),
    has_portal=True,
    products={
        "month": ProductField(
            "creem_product_id",
            "Creem product, a month",
            "Creem's product; without it the plan is not sold there.",
            placeholder="prod_…",
            hint="Creem can't sell a plan without this.",
        ),
        "year": ProductField(
            "creem_product_id_yearly",
            "Creem product, a year",
            "The same of a year.",
            placeholder="prod_…",
        ),
    },
    needs_product=True,
)
