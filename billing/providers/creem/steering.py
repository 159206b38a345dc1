"""Creem's subscription changes: cancel now or at the period's end, pause, resume, change product.

Without an idempotency key each request is sent once; after a lost response the standing shows the outcome.
Source: docs.creem.io, API reference, subscriptions.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from billing.providers.abilities.steering import SteerRequest
from billing.providers.creem.events import Standing, standing_of
from billing.providers.protocol import SubscriptionChanged

Ask = Callable[[str, str, Mapping[str, Any] | None], Awaitable[Standing]]
_PATH = "/v1/subscriptions"


class CreemSteering:
    # Its pause takes no date.
    pauses_until = False

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def standing(self, subscription_ref: str) -> SubscriptionChanged:
        query = urlencode({"subscription_id": subscription_ref})
        return standing_of(await self._ask("GET", f"{_PATH}?{query}", None))

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        what, body = _wanted(request)
        path = f"{_PATH}/{quote(request.subscription_ref, safe='')}/{what}"
        return standing_of(await self._ask("POST", path, body))


def _wanted(request: SteerRequest) -> tuple[str, Mapping[str, Any]]:
    if request.act in {"pause", "resume"}:
        return request.act, {}
    if request.act == "change":
        behavior = "proration-charge-immediately" if request.is_charged_now else "proration-none"
        return "upgrade", {"product_id": request.product_ref, "update_behavior": behavior}
    if request.act == "cancel_now":
        return "cancel", {"mode": "immediate"}
    # Otherwise a store's setting may pause it instead.
    return "cancel", {"mode": "scheduled", "onExecute": "cancel"}
