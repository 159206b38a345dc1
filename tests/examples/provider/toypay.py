"""Toypay: a provider as small as one can be, the example for adding another.

POST <base>/checkouts with an Idempotency-Key opens a checkout, GET <base>/checkouts/<id> tells what
became of it. Events are signed with HMAC-SHA256 over the raw body, in hex, in `toypay-signature`.
"""

import hashlib
import hmac
from collections.abc import Sequence

import httpx
import msgspec
from pydantic import Field, SecretStr

from billing.ledger.price import Price
from billing.providers.http import call, decoded, refused
from billing.providers.protocol import (
    CheckoutRequest,
    Disputed,
    Expired,
    Fact,
    Failed,
    Ignored,
    Notification,
    NotificationRefused,
    Opened,
    Paid,
    ProviderRefused,
    ProviderSettings,
    Received,
    Refunded,
    Registration,
    SandboxEvent,
    Subject,
    Unconfirmed,
    Waiting,
    rotated,
)
from kernel.clock import Clock
from keys.principal import Environment

NAME = "toypay"
HEADER = b"toypay-signature"


class Settings(ProviderSettings):
    """TOPUP_TOYPAY_…"""

    key: SecretStr = Field(default=SecretStr(""), description="The key of Toypay's API.")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="What events are signed with."
    )

    @property
    def is_complete(self) -> bool:
        return bool(self.key.get_secret_value() and self.webhook_secrets)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return rotated(self.webhook_secret)

    @classmethod
    def for_sandbox(cls, secret: str) -> "Settings":
        return cls(webhook_secret=SecretStr(secret))


class _Checkout(msgspec.Struct):
    id: str
    url: str
    status: str
    order_id: str
    amount: int
    currency: str
    payment_id: str = ""


class _Event(msgspec.Struct):
    id: str
    type: str
    checkout: _Checkout


class Toypay:
    """Toypay with one environment's key."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        client: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        self._key = settings.key.get_secret_value()
        self._secrets = [secret.encode() for secret in settings.webhook_secrets]
        self._base = settings.api_base
        self._client = client

    async def open(self, request: CheckoutRequest) -> Opened:
        body = {
            "order_id": request.order_id,
            "amount": request.price.amount,
            "currency": request.price.currency,
            "title": request.title,
            "return_url": request.success_url,
        }
        made = await self._ask("POST", "/checkouts", body, request.order_id)
        return Opened(made.url, made.id, (made.id,))

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        found = await self._ask("GET", f"/checkouts/{ref}")
        if found.order_id != order_id:
            return (Ignored("the checkout is another order's"),)
        return (_fact(found.status, found),)

    async def portal(self, customer_ref: str, return_url: str) -> str:
        raise ProviderRefused("toypay has no portal")

    def read(self, received: Received) -> Notification:
        given = received.headers.get(HEADER, b"")
        ours = [_signature(secret, received.body) for secret in self._secrets]
        equal = [hmac.compare_digest(given, one) for one in ours]
        if not any(equal):
            raise NotificationRefused("the signature is not valid", reason="signature")
        try:
            event = msgspec.json.decode(received.body, type=_Event)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise NotificationRefused("not an event of Toypay's", reason="form") from None
        return Notification(event.id, event.type, (_fact(event.type, event.checkout),))

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        checkout = {
            "id": sandbox_event.ref,
            "url": "",
            "status": sandbox_event.outcome,
            "order_id": sandbox_event.order_id,
            "amount": sandbox_event.price.amount,
            "currency": sandbox_event.price.currency,
            "payment_id": sandbox_event.payment_id,
        }
        body = msgspec.json.encode(
            {"id": sandbox_event.event_id, "type": sandbox_event.outcome, "checkout": checkout}
        )
        headers = {
            b"content-type": b"application/json",
            HEADER: _signature(self._secrets[0], body),
        }
        return Received("POST", headers, b"", body)

    async def _ask(
        self, method: str, path: str, body: object = None, once: str | None = None
    ) -> _Checkout:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        if once is not None:
            headers["Idempotency-Key"] = once
        content = b"" if body is None else msgspec.json.encode(body)
        answer = await call(
            self._client, NAME, method, self._base + path, headers=headers, content=content
        )
        if answer.status >= 300:
            raise refused(NAME, answer.status)
        return decoded(NAME, answer.body, _Checkout)


def _fact(what: str, checkout: _Checkout) -> Fact:
    subject = Subject(checkout.order_id, (checkout.id,))
    price = Price(checkout.amount, checkout.currency)
    match what:
        case "paid":
            return Paid(subject, checkout.payment_id, price)
        case "claimed":
            return Unconfirmed(subject, checkout.id)
        case "failed":
            return Failed(subject, "declined")
        case "expired":
            return Expired(subject)
        case "refunded":
            return Refunded(subject, f"re_{checkout.payment_id}", price)
        case "disputed":
            return Disputed(subject, f"dp_{checkout.payment_id}", price)
        case "open":
            return Waiting(subject)
        case _:
            return Ignored(f"{what} is nothing to us")


def _signature(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, body, hashlib.sha256).hex().encode()


PROVIDER = Registration(
    name=NAME, settings=Settings, make=Toypay, paths=("/payment/webhook/toypay",)
)
