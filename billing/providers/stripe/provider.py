"""Sell through Stripe: Checkout for payments and subscriptions, invoices, and the customer portal.

Notifications are verified and simulated without Stripe's library. Source: Stripe's API reference and its webhook guide.
"""

import hmac
import re
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
from pydantic import Field, SecretStr, field_validator

from billing.providers.protocol import (
    OPTIONAL,
    CheckoutRequest,
    Fact,
    Notification,
    NotificationRefused,
    Opened,
    ProductField,
    Provider,
    ProviderRefused,
    ProviderSettings,
    Received,
    Registration,
    SandboxEvent,
    rotated,
)
from billing.providers.stripe.events import facts_of, stamped
from billing.providers.stripe.objects import API_VERSION, NAME, Unreadable, to_stripe
from kernel.clock import SECOND_US, Clock
from keys.principal import Environment
from keys.signatures.signing import TOLERANCE_S, stripe_signature

_SESSION_EVENTS = {"paid": "completed", "failed": "async_payment_failed", "expired": "expired"}
_INVOICE_EVENTS = {"paid": "paid", "failed": "marked_uncollectible", "expired": "voided"}
_STANDINGS = {"renewal_failed": "past_due", "changed": "active", "ended": "canceled"}
_INVOICE_STATUSES = {"paid": "paid", "failed": "uncollectible", "expired": "void"}


def simulated(sandbox_event: SandboxEvent) -> tuple[str, dict[str, Any]]:
    if sandbox_event.outcome == "refunded":
        return "charge.refunded", _simulated_charge(sandbox_event)
    if sandbox_event.outcome == "renewed":
        return "invoice.paid", _simulated_renewal(sandbox_event)
    if sandbox_event.outcome in _STANDINGS:
        kind = "deleted" if sandbox_event.outcome == "ended" else "updated"
        return f"customer.subscription.{kind}", _simulated_subscription(sandbox_event)
    if sandbox_event.kind == "invoice":
        return f"invoice.{_INVOICE_EVENTS[sandbox_event.outcome]}", _simulated_invoice(
            sandbox_event
        )
    return f"checkout.session.{_SESSION_EVENTS[sandbox_event.outcome]}", _simulated_session(
        sandbox_event
    )


def _money(sandbox_event: SandboxEvent) -> tuple[int, str]:
    return to_stripe(sandbox_event.price), sandbox_event.price.currency.lower()


def _simulated_session(sandbox_event: SandboxEvent) -> dict[str, Any]:
    amount, currency = _money(sandbox_event)
    is_paid = sandbox_event.outcome == "paid"
    is_subscription = sandbox_event.kind == "subscription"
    return {
        "id": sandbox_event.ref,
        "object": "checkout.session",
        "mode": sandbox_event.kind,
        "status": "expired" if sandbox_event.outcome == "expired" else "complete",
        "payment_status": "paid" if is_paid else "unpaid",
        "client_reference_id": sandbox_event.order_id,
        "metadata": {"order_id": sandbox_event.order_id},
        "amount_total": amount,
        "currency": currency,
        "customer": sandbox_event.customer_ref,
        "payment_intent": None if is_subscription else sandbox_event.payment_id,
        "invoice": sandbox_event.payment_id if is_subscription else None,
        "subscription": sandbox_event.subscription_ref,
    }


def _simulated_invoice(sandbox_event: SandboxEvent) -> dict[str, Any]:
    amount, currency = _money(sandbox_event)
    return {
        "id": sandbox_event.ref,
        "object": "invoice",
        "status": _INVOICE_STATUSES[sandbox_event.outcome],
        "amount_paid": amount if sandbox_event.outcome == "paid" else 0,
        "currency": currency,
        "customer": sandbox_event.customer_ref,
        "metadata": {"order_id": sandbox_event.order_id},
        "lines": {"object": "list", "data": []},
    }


def _simulated_renewal(sandbox_event: SandboxEvent) -> dict[str, Any]:
    assert sandbox_event.period_start_at is not None, "a renewal has a period"
    assert sandbox_event.period_end_at is not None, "a renewal has a period"
    amount, currency = _money(sandbox_event)
    is_cheaper = sandbox_event.full_price is not None and not sandbox_event.is_prorated
    full = (
        to_stripe(sandbox_event.full_price) if is_cheaper and sandbox_event.full_price else amount
    )
    details = {
        "subscription": sandbox_event.subscription_ref,
        "metadata": {"order_id": sandbox_event.order_id},
    }
    line = {
        "object": "line_item",
        "amount": full,
        "quantity": 1,
        "currency": currency,
        "period": {
            "start": sandbox_event.period_start_at // SECOND_US,
            "end": sandbox_event.period_end_at // SECOND_US,
        },
        "parent": {"subscription_item_details": {"proration": sandbox_event.is_prorated}},
        "pricing": {"price_details": {"price": sandbox_event.product_ref}},
    }
    return {
        "id": sandbox_event.payment_id,
        "object": "invoice",
        "status": "paid",
        "billing_reason": (
            "subscription_update" if sandbox_event.is_prorated else "subscription_cycle"
        ),
        "subtotal": full,
        "total": amount,
        "amount_paid": amount,
        "currency": currency,
        "customer": sandbox_event.customer_ref,
        "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": details},
        "lines": {"object": "list", "data": [line]},
    }


def _simulated_subscription(sandbox_event: SandboxEvent) -> dict[str, Any]:
    end_s = (
        None if sandbox_event.period_end_at is None else sandbox_event.period_end_at // SECOND_US
    )
    return {
        "id": sandbox_event.subscription_ref,
        "object": "subscription",
        "status": _STANDINGS[sandbox_event.outcome],
        "pause_collection": _simulated_pause(sandbox_event),
        "cancel_at_period_end": sandbox_event.is_ending,
        "customer": sandbox_event.customer_ref,
        "metadata": {"order_id": sandbox_event.order_id},
        "items": {
            "object": "list",
            "data": [
                {"current_period_end": end_s, "price": {"id": sandbox_event.product_ref or ""}}
            ],
        },
    }


def _simulated_pause(sandbox_event: SandboxEvent) -> dict[str, Any] | None:
    if not sandbox_event.is_paused:
        return None
    resumes_at = sandbox_event.resumes_at
    return {
        "behavior": "void",
        "resumes_at": None if resumes_at is None else resumes_at // SECOND_US,
    }


def _simulated_charge(sandbox_event: SandboxEvent) -> dict[str, Any]:
    amount, currency = _money(sandbox_event)
    return {
        "id": f"ch_{sandbox_event.payment_id}",
        "object": "charge",
        "amount_refunded": amount,
        "currency": currency,
        "payment_intent": sandbox_event.payment_id,
        "metadata": {"order_id": sandbox_event.order_id},
        "refunded": True,
    }


SIGNATURE_HEADER = b"stripe-signature"
SIGNATURE_BYTES_MAX = 4096
_TIMESTAMP_DIGITS_MAX = 12


class Settings(ProviderSettings):
    secret_key: SecretStr = Field(
        default=SecretStr(""), description="Stripe's secret or restricted key, sk_… or rk_…."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="The signing secret of the webhook endpoint, whsec_…, or `new,old`.",
    )
    profile_id: str = Field(
        default="",
        description="The Stripe profile, profile_…, which lets machines without an account pay by card.",
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


class Stripe:
    """Stripe without a key: notifications can be read and simulated, but every call is refused."""

    keeps_payments = True

    def __init__(self, secrets: Sequence[str], environment: Environment, clock: Clock) -> None:
        self._secrets = secrets
        self._is_live = environment == "live"
        self._clock = clock

    async def open(self, request: CheckoutRequest) -> Opened:  # noqa: ARG002
        raise _no_credentials()

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:  # noqa: ARG002
        raise _no_credentials()

    async def portal(self, customer_ref: str, return_url: str) -> str:  # noqa: ARG002
        raise _no_credentials()

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
                "The event isn't in Stripe's format.", reason="form"
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
        header = received.headers.get(SIGNATURE_HEADER, b"")
        parts = [part.strip() for part in header[:SIGNATURE_BYTES_MAX].split(b",")]
        stamps = [part[2:] for part in parts if part.startswith(b"t=")]
        signatures = [part[3:] for part in parts if part.startswith(b"v1=")]
        is_stamp = len(stamps) == 1 and len(stamps[0]) <= _TIMESTAMP_DIGITS_MAX
        if not (is_stamp and stamps[0].isdigit()):
            raise NotificationRefused("The signature header has no timestamp.", reason="signature")
        stamp_s = int(stamps[0])
        expected = [stripe_signature(one, stamp_s, received.body).encode() for one in self._secrets]
        # Compare every pair, so that timing reveals nothing.
        equal = [hmac.compare_digest(one, ours) for one in signatures for ours in expected]
        if not any(equal):
            raise NotificationRefused(
                "None of the event's signatures is valid.", reason="signature"
            )
        if abs(self._clock.now_us() // SECOND_US - stamp_s) > TOLERANCE_S:
            raise NotificationRefused(
                "The event's signature is too old or from the future.", reason="timestamp"
            )


class _EventData(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    id: str
    type: str
    data: _EventData
    created: int | None = None


def make(
    settings: Settings, environment: Environment, client: httpx.AsyncClient, clock: Clock
) -> Provider:
    plain = Stripe(settings.webhook_secrets, environment, clock)
    key = settings.secret_key.get_secret_value()
    if not key:
        return plain
    from billing.providers.stripe.calls import StripeCalls  # noqa: PLC0415 see the module's docstring

    return StripeCalls(plain, key, settings.api_base, client, settings.profile_id)


def _no_credentials() -> ProviderRefused:
    return ProviderRefused("Stripe has no credentials in this environment.")


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
            hint="Leave blank to send the price to Stripe.",
        ),
        "year": ProductField(
            "stripe_price_id_yearly",
            "Stripe price, a year",
            "The same of a year.",
            placeholder="price_…",
        ),
    },
)
