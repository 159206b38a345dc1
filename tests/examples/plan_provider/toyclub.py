"""Toyclub: a provider as small as one that sells plans can be, by products of its own.

Its checkout's address is made of the product's id, so it is asked nothing when one is opened. Events
are signed with HMAC-SHA256 over the raw body, in hex, in `toyclub-signature`.
"""

import hashlib
import hmac
from collections.abc import Sequence

import httpx
import msgspec
from pydantic import Field, SecretStr

from billing.ledger.price import Price
from billing.providers.protocol import (
    CheckoutRequest,
    Fact,
    InvoicePaid,
    Notification,
    NotificationRefused,
    Opened,
    Paid,
    ProductField,
    ProviderRefused,
    ProviderSettings,
    Received,
    Registration,
    SandboxEvent,
    Subject,
    rotated,
)
from kernel.clock import Clock
from keys.principal import Environment

NAME = "toyclub"
HEADER = b"toyclub-signature"


class Settings(ProviderSettings):
    """TOPUP_TOYCLUB_…"""

    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="What events are signed with."
    )

    @property
    def is_complete(self) -> bool:
        return bool(self.webhook_secrets)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return rotated(self.webhook_secret)

    @classmethod
    def for_sandbox(cls, secret: str) -> "Settings":
        return cls(webhook_secret=SecretStr(secret))


class Event(msgspec.Struct):
    """Of a checkout that was paid, where it is for no period; else of the period. Times in us."""

    id: str
    order_id: str
    payment_id: str
    amount: int
    currency: str
    product: str = ""
    membership: str = ""
    starts_at: int = 0
    ends_at: int = 0


class Toyclub:
    """Toyclub with one environment's secret."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        client: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        self._secrets = [secret.encode() for secret in settings.webhook_secrets]

    async def open(self, request: CheckoutRequest) -> Opened:
        return Opened(f"https://toyclub.example/{request.product_ref}", f"co_{request.order_id}")

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        return ()

    async def portal(self, customer_ref: str, return_url: str) -> str:
        raise ProviderRefused("toyclub has no portal")

    def read(self, received: Received) -> Notification:
        given = received.headers.get(HEADER, b"")
        if not any(hmac.compare_digest(given, one) for one in self._signatures(received.body)):
            raise NotificationRefused("the signature is not valid", reason="signature")
        event = msgspec.json.decode(received.body, type=Event)
        return Notification(event.id, "paid", (_fact(event),))

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        event = Event(
            sandbox_event.event_id,
            sandbox_event.order_id,
            sandbox_event.payment_id,
            sandbox_event.price.amount,
            sandbox_event.price.currency,
            sandbox_event.product_ref or "",
            sandbox_event.subscription_ref or "",
            sandbox_event.period_start_at or 0,
            sandbox_event.period_end_at or 0,
        )
        body = msgspec.json.encode(event)
        return Received("POST", {HEADER: self._signatures(body)[0]}, b"", body)

    def _signatures(self, body: bytes) -> list[bytes]:
        return [hmac.digest(one, body, hashlib.sha256).hex().encode() for one in self._secrets]


def _fact(event: Event) -> Fact:
    subject, price = Subject(event.order_id), Price(event.amount, event.currency)
    if not event.ends_at:
        return Paid(subject, event.payment_id, price)
    return InvoicePaid(
        subject,
        event.membership,
        event.payment_id,
        price,
        event.starts_at,
        event.ends_at,
        product_ref=event.product,
    )


PROVIDER = Registration(
    name=NAME,
    settings=Settings,
    make=Toyclub,
    paths=("/payment/webhook/toyclub",),
    kinds=("subscription",),
    products={
        "month": ProductField("toyclub_badge_id", "Toyclub badge", "Toyclub's badge, bdg_….")
    },
    needs_product=True,
)
