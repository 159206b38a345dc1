"""Stripe: Checkout for payments and subscriptions, invoices, the customer portal.

Notifications are verified and simulated here, without Stripe's library; that is loaded with calls.py if there
is a key. Source: Stripe's API reference and its webhook guide.
"""

import hmac
import re
from collections.abc import Sequence
from typing import Protocol

import httpx
import msgspec
from pydantic import Field, SecretStr, field_validator

from billing.providers.protocol import (
    CheckoutRequest,
    Fact,
    Notification,
    NotificationRefused,
    Opened,
    ProviderRefused,
    Received,
    Registration,
    SandboxEvent,
)
from billing.providers.settings import OPTIONAL, ProductField, ProviderSettings, rotated
from billing.providers.stripe.events import facts_of, stamped
from billing.providers.stripe.objects import NAME, Unreadable
from billing.providers.stripe.simulation import simulated
from kernel.clock import SECOND_US, Clock
from keys.principal import Environment
from keys.signatures.signing import TOLERANCE_S, stripe_signature

# The version for which Stripe's library is made, used for simulated events.
API_VERSION = "2026-10-28.endive"
SIGNATURE_HEADER = b"stripe-signature"
SIGNATURE_BYTES_MAX = 4096
_TIMESTAMP_DIGITS_MAX = 12


class Settings(ProviderSettings):
    secret_key: SecretStr = Field(
        default=SecretStr(""), description="Stripe's secret or restricted key, sk_… or rk_…."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signing secret of the webhook endpoint, whsec_…, or `new,old`.",
    )
    profile_id: str = Field(
        default="",
        description="Stripe profile, profile_…: machines without an account may pay by card.",
        json_schema_extra=OPTIONAL,
    )

    @field_validator("profile_id")
    @classmethod
    def _check_profile(cls, value: str) -> str:
        if value and not re.fullmatch(r"profile_[A-Za-z0-9_]{1,100}", value):
            raise ValueError("is profile_ and letters or digits, as Stripe's dashboard shows it")
        return value

    @property
    def is_complete(self) -> bool:
        return bool(self.secret_key.get_secret_value() and self.webhook_secrets)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return rotated(self.webhook_secret)

    @classmethod
    def for_sandbox(cls, secret: str) -> "Settings":
        return cls(webhook_secret=SecretStr(f"whsec_{secret}"))


class Calls(Protocol):
    abilities: tuple[object, ...]

    async def open(self, request: CheckoutRequest) -> Opened: ...

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]: ...

    async def close(self, order_id: str, ref: str) -> bool: ...

    async def linked(self, object_ids: Sequence[str]) -> Sequence[tuple[str, str]]: ...

    async def portal(self, customer_ref: str, return_url: str) -> str: ...


class Stripe:
    """calls is null without a key."""

    def __init__(
        self, secrets: Sequence[str], environment: Environment, calls: Calls | None, clock: Clock
    ) -> None:
        self._secrets = secrets
        self._is_live = environment == "live"
        self._given_calls = calls
        self._clock = clock

    @property
    def abilities(self) -> tuple[object, ...]:
        return () if self._given_calls is None else self._given_calls.abilities

    @property
    def keeps_payments(self) -> bool:
        return True

    async def open(self, request: CheckoutRequest) -> Opened:
        return await self._calls.open(request)

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        return await self._calls.inquire(order_id, ref)

    async def close(self, order_id: str, ref: str) -> bool:
        return await self._calls.close(order_id, ref)

    async def linked(self, object_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        return await self._calls.linked(object_ids)

    async def portal(self, customer_ref: str, return_url: str) -> str:
        return await self._calls.portal(customer_ref, return_url)

    def read(self, received: Received) -> Notification:
        self._verify(received)
        try:
            event = msgspec.json.decode(received.body, type=_Event)
            if not event.id:
                raise Unreadable("no id")
            facts = stamped(facts_of(event.type, event.data.object), event.created)
            return Notification(event.id, event.type, facts)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Unreadable):
            raise NotificationRefused(
                "The event doesn't have Stripe's format.", reason="form"
            ) from None

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        now_s = self._clock.now_us() // SECOND_US
        event_type, made = simulated(sandbox_event)
        event = {
            "id": sandbox_event.event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": now_s,
            "type": event_type,
            "livemode": self._is_live,
            "pending_webhooks": 1,
            "data": {"object": made},
        }
        body = msgspec.json.encode(event)
        signature = stripe_signature(self._secrets[0], now_s, body)
        headers = {
            b"content-type": b"application/json; charset=utf-8",
            SIGNATURE_HEADER: f"t={now_s},v1={signature}".encode(),
        }
        return Received("POST", headers, b"", body)

    def _verify(self, received: Received) -> None:
        """Check that any v1 under any secret matches the raw bytes; raise NotificationRefused."""
        header = received.headers.get(SIGNATURE_HEADER, b"")
        parts = [part.strip() for part in header[:SIGNATURE_BYTES_MAX].split(b",")]
        stamps = [part[2:] for part in parts if part.startswith(b"t=")]
        signatures = [part[3:] for part in parts if part.startswith(b"v1=")]
        is_stamp = len(stamps) == 1 and len(stamps[0]) <= _TIMESTAMP_DIGITS_MAX
        if not (is_stamp and stamps[0].isdigit()):
            raise NotificationRefused("The signature header has no timestamp.", reason="signature")
        stamp_s = int(stamps[0])
        expected = [stripe_signature(one, stamp_s, received.body).encode() for one in self._secrets]
        # Every pair is compared, so that the time taken reveals nothing.
        equal = [hmac.compare_digest(one, ours) for one in signatures for ours in expected]
        if not any(equal):
            raise NotificationRefused("No signature of the event is valid.", reason="signature")
        if abs(self._clock.now_us() // SECOND_US - stamp_s) > TOLERANCE_S:
            raise NotificationRefused(
                "The event's signature is too old or from the future.", reason="timestamp"
            )

    @property
    def _calls(self) -> Calls:
        if self._given_calls is None:
            raise ProviderRefused("Stripe has no credentials in this environment.")
        return self._given_calls


class _EventData(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    id: str
    type: str
    data: _EventData
    created: int | None = None


def make(
    settings: Settings, environment: Environment, client: httpx.AsyncClient, clock: Clock
) -> Stripe:
    key = settings.secret_key.get_secret_value()
    calls = _calls_with(key, settings, client) if key else None
    return Stripe(settings.webhook_secrets, environment, calls, clock)


def _calls_with(key: str, settings: Settings, client: httpx.AsyncClient) -> Calls:
    from billing.providers.stripe.calls import StripeCalls  # noqa: PLC0415 see the module's docstring

    return StripeCalls(key, settings.api_base, client, settings.profile_id)


PROVIDER = Registration(
    name=NAME,
    label="Stripe",
    settings=Settings,
    make=make,
    paths=("/payment/webhook/stripe",),
    kinds=("payment", "subscription", "invoice"),
    has_portal=True,
    takes_discount=True,
    products={
        "month": ProductField(
            "stripe_price_id_monthly",
            "Stripe price, a month",
            "Stripe's own price, price_….",
            placeholder="price_…",
            hint="Blank: the price is sent to Stripe.",
        ),
        "year": ProductField(
            "stripe_price_id_yearly",
            "Stripe price, a year",
            "The same of a year.",
            placeholder="price_…",
        ),
    },
)
