"""One payment provider with settings of a test; its vendor is answered by respx."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from billing.ledger.price import Price
from billing.providers.protocol import CheckoutRequest, Provider, Received
from billing.providers.registry import Providers, discover
from kernel.clock import SECOND_US, Clock, FixedClock
from keys.principal import Environment
from keys.signatures.signing import stripe_signature

RECORDINGS = Path(__file__).parents[1] / "recordings" / "providers"
ORDER_ID = "ord_1OeHk2Gq0Zb4yT7a"
# When what is signed in Stripe's way is signed.
NOW_S = 1_700_000_000
NAMES = ("creem", "epay", "myfatoorah", "stripe")
API_BASE = "https://vendor.example"
# Complete for each, in live.
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "creem": {"api_key": "creem_hunter2", "webhook_secret": "creem_secret"},
    "epay": {"pid": "1000", "key": "KEY", "api_base": API_BASE, "price_per_usd": "7.30"},
    "myfatoorah": {
        "api_token": "mf_hunter2",
        "webhook_secret": "mf_secret",
        "price_per_usd": "0.31",
    },
    "stripe": {"secret_key": "sk_live_hunter2", "webhook_secret": "whsec_test_secret"},
}


def provider(
    name: str,
    *,
    environment: Environment = "live",
    client: httpx.AsyncClient | None = None,
    clock: Clock | None = None,
    **settings: str,
) -> Provider:
    """The provider with SETTINGS and those of the test; a call without a client would fail."""
    registration = discover()[name]
    made = registration.settings.model_validate(
        {"api_base": API_BASE, **SETTINGS[name], **settings}
    )
    silent = client or httpx.AsyncClient(transport=httpx.MockTransport(_nobody))
    return registration.make(made, environment, silent, clock or FixedClock(NOW_S * SECOND_US))


def stand_in(name: str) -> Provider:
    """As staging without credentials has it."""
    registrations = discover()
    providers = Providers(
        registrations,
        {},
        simulated_secrets=dict.fromkeys(registrations, "5f" * 32),
        client=httpx.AsyncClient(transport=httpx.MockTransport(_nobody)),
        clock=FixedClock(NOW_S * SECOND_US),
    )
    found = providers.of(name, "staging")
    assert found is not None
    return found


def recorded(name: str) -> bytes:
    """The recording as compact JSON, in the order of its fields."""
    return msgspec.json.encode(json.loads((RECORDINGS / f"{name}.json").read_text("utf-8")))


def from_stripe(body: bytes, *, secret: str = "whsec_test_secret", at_s: int = NOW_S) -> Received:
    signature = stripe_signature(secret, at_s, body)
    headers = {b"stripe-signature": f"t={at_s},v1={signature}".encode()}
    return Received("POST", headers, b"", body)


def from_creem(body: bytes, *, secret: str = "creem_secret") -> Received:
    signature = hmac.digest(secret.encode(), body, hashlib.sha256).hex().encode()
    return Received("POST", {b"creem-signature": signature}, b"", body)


def posted(header: bytes, signature: str, body: bytes) -> Received:
    return Received("POST", {header: signature.encode()}, b"", body)


def wish(currency: str = "USD", amount: int = 2000, **more: Any) -> CheckoutRequest:
    """A payment of one order."""
    given: dict[str, Any] = {
        "order_id": ORDER_ID,
        "kind": "payment",
        "price": Price(amount, currency),
        "title": "Credit & more",
        "success_url": "https://shop.example/thanks",
        "cancel_url": "https://shop.example/cart",
        "notify_url": "https://topup.example/payment/webhook/x",
        "return_url": "https://topup.example/orders/status/q5T0bWf7yXnB2cVd8eKjLw",
        **more,
    }
    return CheckoutRequest(**given)


def _nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nobody should be asked, not even {request.url.path}")
