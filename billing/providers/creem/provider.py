"""Creem: hosted checkout of its own products, subscriptions, the customer portal.

As merchant of record Creem may add tax, also to refunds. So the order's `amount` counts, and refunds and
disputes are scaled down to it. It has no idempotency key: two calls open two checkouts, of which the payer is
shown one. A signature contains no time; repetitions are harmless because payments are known by their IDs.
Source: docs.creem.io, webhooks and API reference.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
from pydantic import Field, SecretStr

from billing.ledger.price import Price
from billing.providers.creem.events import (
    Checkout,
    Event,
    Product,
    Standing,
    Transaction,
    checkout_facts,
    facts_of,
)
from billing.providers.creem.listing import CreemListing, Transactions
from billing.providers.creem.paid_sum import CreemPaidSum
from billing.providers.creem.refunds import CreemRefunds
from billing.providers.creem.setup_check import CreemProduct, CreemSetupCheck
from billing.providers.creem.simulation import simulated
from billing.providers.creem.steering import CreemSteering
from billing.providers.http import TRIES_MAX, call, decoded, refused, unavailable, within_deadline
from billing.providers.protocol import (
    CheckoutRequest,
    Fact,
    Ignored,
    Notification,
    NotificationRefused,
    Opened,
    PriceRefused,
    ProviderRefused,
    Received,
    Registration,
    SandboxEvent,
)
from billing.providers.settings import ProductField, ProviderSettings, rotated
from kernel.clock import Clock
from keys.principal import Environment

NAME = "creem"
T = TypeVar("T")
API_BASES: Mapping[Environment, str] = {
    "live": "https://api.creem.io",
    "staging": "https://test-api.creem.io",
}
SIGNATURE_HEADER = b"creem-signature"


class Settings(ProviderSettings):
    """TOPUP_CREEM_…"""

    api_key: SecretStr = Field(default=SecretStr(""), description="Creem's API key.")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret of Creem's webhook, or `new,old`."
    )
    credit_product_id: str | None = Field(
        default=None, description="Creem's product that packs and amounts of credit are sold as."
    )
    credit_unit_amount: int = Field(
        default=100, ge=1, description="Its price there, in the currency's smallest unit."
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
            CreemSteering(self._ask_standing),
            CreemRefunds(self._ask),
            CreemListing(self._ask_list),
            CreemPaidSum(self._ask_transaction),
            CreemSetupCheck(self._ask_product, self._credit_product, self._unit_amount),
        )

    async def open(self, request: CheckoutRequest) -> Opened:
        product, units = self._product(request)
        body: dict[str, Any] = {
            "product_id": product,
            "request_id": request.order_id,
            "units": units,
            "success_url": request.success_url,
            # The notification repeats it and is checked against it.
            "metadata": {"order_id": request.order_id, "product_id": product},
        }
        if request.customer_ref is not None:
            body["customer"] = {"id": request.customer_ref}
        elif request.customer_email is not None:
            body["customer"] = {"email": request.customer_email}
        made = await self._ask("POST", "/v1/checkouts", Checkout, body)
        if not made.checkout_url:
            raise unavailable(NAME, "a checkout without an address")
        await self._check_price(request, made, product, units)
        return Opened(made.checkout_url, made.id, (made.id,))

    async def _check_price(
        self, request: CheckoutRequest, made: Checkout, product: str, units: int
    ) -> None:
        """Raise PriceRefused if the product costs something else; nobody has seen the page yet."""
        sold = made.product
        if not isinstance(sold, Product) or sold.price is None or sold.currency is None:
            query = urlencode({"product_id": product})
            sold = await self._ask("GET", f"/v1/products?{query}", Product)
        if sold.price is None or sold.currency is None:
            raise unavailable(NAME, "a product without a price")
        price_there = Price(sold.price * units, sold.currency.upper())
        if price_there != request.price:
            raise PriceRefused(
                f"creem would charge {price_there.decimal()} {price_there.currency}"
                f" for what costs {request.price.decimal()} {request.price.currency} here"
            )

    def _product(self, request: CheckoutRequest) -> tuple[str, int]:
        """Return the product and how many of it: a plan's own, or units of the credit sold there."""
        if request.product_ref is not None:
            return request.product_ref, 1
        if not self._credit_product:
            raise ProviderRefused("creem sells its own products only, and this has none there")
        units, rest = divmod(request.price.amount, self._unit_amount)
        if rest:
            raise PriceRefused("creem sells credit in whole units only, and this is none")
        return self._credit_product, units

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        query = urlencode({"checkout_id": ref})
        try:
            found = await self._ask("GET", f"/v1/checkouts?{query}", Checkout)
        except ProviderRefused:
            raise unavailable(NAME, "no answer about the payment") from None
        if found.order_id != order_id:
            return (Ignored("the checkout is another order's"),)
        return checkout_facts(found, sold=self._credit_product)

    async def portal(self, customer_ref: str, return_url: str) -> str:  # noqa: ARG002 it takes none
        body = {"customer_id": customer_ref}
        made = await self._ask("POST", "/v1/customers/billing", _Portal, body)
        return made.customer_portal_link

    def read(self, received: Received) -> Notification:
        signature = received.headers.get(SIGNATURE_HEADER, b"").strip().lower()
        equal = [hmac.compare_digest(signature, ours) for ours in self._signatures(received.body)]
        if not any(equal):
            raise NotificationRefused("the event's signature is not valid", reason="signature")
        try:
            event = msgspec.json.decode(received.body, type=Event)
            if not event.id:
                raise ValueError("no id")
            return Notification(event.id, event.type, tuple(facts_of(event, self._credit_product)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise NotificationRefused(
                "the event is not in a shape of Creem's", reason="form"
            ) from None

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

    async def _ask_product(self, path: str, form: type[CreemProduct]) -> CreemProduct:
        return await self._ask("GET", path, form)

    async def _ask_list(self, path: str, form: type[Transactions]) -> Transactions:
        return await self._ask("GET", path, form)

    async def _ask_transaction(self, path: str) -> Transaction:
        return await self._ask("GET", path, Transaction)

    async def _ask_standing(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Standing:
        return await self._ask(method, path, Standing, body, is_once=body is not None)

    async def _ask(
        self,
        method: str,
        path: str,
        form: type[T],
        body: Mapping[str, Any] | None = None,
        *,
        is_once: bool = False,
    ) -> T:
        """Call the API. With is_once it isn't repeated while the outcome is unknown."""
        if not self._key:
            raise ProviderRefused("creem has no credentials here")
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
            hint="Creem sells no plan without it.",
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
