"""Check Stripe's key and its mode, the webhook endpoint and the prices, without changing anything."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from billing.providers.abilities import (
    NO_ADDRESS,
    SetupFinding,
    WantedPrice,
    WantedSetup,
    price_finding,
    price_problems,
)
from billing.providers.http import within_deadline
from billing.providers.protocol import ProviderRefused
from billing.providers.stripe.api import StripePart
from billing.providers.stripe.events import NEEDED_EVENTS
from billing.providers.stripe.objects import API_VERSION, NAME, Page, from_stripe
from kernel.errors import InvalidInput

ENDPOINTS_MAX: Final = 100
EVERY_EVENT: Final = "*"


class _Balance(msgspec.Struct):
    livemode: bool = False


class _Endpoint(msgspec.Struct):
    url: str = ""
    status: str = ""
    enabled_events: list[str] = []
    api_version: str | None = None


class _Recurring(msgspec.Struct):
    interval: str = ""
    interval_count: int = 1


class _Sold(msgspec.Struct):
    active: bool = True
    currency: str = ""
    unit_amount: int | None = None
    recurring: _Recurring | None = None


class StripeSetupCheck(StripePart):
    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        if self._api.is_publishable:
            detail = (
                "this is a publishable key, pk_…, which browsers use. Give the secret or restricted"
                f" one, sk_… or rk_…, in {wanted.setting('STRIPE_SECRET_KEY')}"
            )
            return (SetupFinding("key", False, detail),)
        async with within_deadline(NAME):
            found = [await self._key(wanted)]
            found += await self._webhook(wanted)
            found += [await self._price(one) for one in wanted.prices]
        return found

    async def _key(self, wanted: WantedSetup) -> SetupFinding:
        try:
            balance = await self._api.send(self._api.v1.balance.retrieve_async(), _Balance)
        except ProviderRefused:
            detail = (
                "Stripe refuses the key to read the balance: it is wrong or revoked, or a restricted"
                f" one without that permission. Give {wanted.setting('STRIPE_SECRET_KEY')} anew"
            )
            return SetupFinding("key", False, detail)
        mode = "live" if balance.livemode else "test"
        if balance.livemode is wanted.is_live:
            return SetupFinding("key", True, f"works, in {mode} mode")
        if balance.livemode:
            detail = "a live key in staging: test orders would take real money. Give the test key"
        else:
            detail = "a test key in live: nobody's payment would be real. Give the live key"
        return SetupFinding("key", False, detail)

    async def _webhook(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        if not wanted.notify_url:
            return (NO_ADDRESS,)
        params: Any = {"limit": ENDPOINTS_MAX}
        try:
            asked = self._api.v1.webhook_endpoints.list_async(params)
            known = await self._api.send(asked, Page[_Endpoint])
        except ProviderRefused:
            detail = "the key may not read webhook endpoints: look at them in Stripe's dashboard"
            return (SetupFinding("webhook", None, detail),)
        ours = [one for one in known.data if one.url.rstrip("/") == wanted.notify_url]
        enabled = [one for one in ours if one.status == "enabled"]
        if not enabled:
            what = (
                "is disabled there: enable it" if ours else "is not there: create an endpoint of it"
            )
            return (SetupFinding("webhook", False, f"{wanted.notify_url} {what}"),)
        there = SetupFinding("webhook", True, f"{wanted.notify_url} is there and enabled")
        return (there, *_of_events(enabled), *_of_version(enabled))

    async def _price(self, wanted: WantedPrice) -> SetupFinding:
        try:
            sold = await self._api.send(self._api.v1.prices.retrieve_async(wanted.ref), _Sold)
        except ProviderRefused:
            return price_finding(wanted, ["Stripe has no such price for this key"])
        return price_finding(wanted, _differences(wanted, sold))


def _of_events(endpoints: Sequence[_Endpoint]) -> Sequence[SetupFinding]:
    sent = {event for one in endpoints for event in one.enabled_events}
    missing = [] if EVERY_EVENT in sent else sorted(NEEDED_EVENTS - sent)
    if missing:
        detail = f"these events are not enabled and never arrive: {', '.join(missing)}"
        return (SetupFinding("events", False, detail),)
    return (SetupFinding("events", True, "every event that is needed is enabled"),)


def _of_version(endpoints: Sequence[_Endpoint]) -> Sequence[SetupFinding]:
    others = sorted({one.api_version or "" for one in endpoints} - {API_VERSION})
    if not others:
        return (SetupFinding("API version", True, API_VERSION),)
    named = ", ".join(one or "the account's default" for one in others)
    detail = (
        f"the webhook endpoint sends events of {named}; this gateway is made for {API_VERSION}: create"
        " the endpoint anew with that version"
    )
    return (SetupFinding("API version", None, detail),)


def _differences(wanted: WantedPrice, sold: _Sold) -> list[str]:
    found: list[str] = [] if sold.active else ["it is inactive there"]
    every = sold.recurring
    if every is None:
        found.append("it is not a recurring price")
    elif (every.interval, every.interval_count) != (wanted.interval, 1):
        found.append(f"it is charged every {every.interval_count} {every.interval}")
    if sold.unit_amount is None:
        return [*found, "it has no fixed amount"]
    try:
        price = from_stripe(sold.unit_amount, sold.currency)
    except InvalidInput:
        return [*found, f"its currency is {sold.currency[:8]}"]
    return found + price_problems(wanted, price)
