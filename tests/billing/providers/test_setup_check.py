"""What a provider says of its own settings, and which words the operator gets for it."""

from typing import Any

import pytest
import respx

from billing.ledger.price import Price
from billing.providers.abilities import SetupChecking, WantedPrice, WantedSetup, ability
from billing.providers.protocol import ProviderUnavailable
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.events import NEEDED_EVENTS
from billing.providers.stripe.setup_check import StripeSetupCheck
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, provider

HOOK = "https://topup.example/payment/webhook/stripe"
PLAN = WantedPrice("pro", "month", "price_1", Price(1000, "USD"))
ENDPOINT = {
    "url": HOOK,
    "status": "enabled",
    "enabled_events": ["*"],
    "api_version": "2026-10-28.endive",
}
SOLD = {
    "active": True,
    "currency": "usd",
    "unit_amount": 1000,
    "recurring": {"interval": "month", "interval_count": 1},
}


async def found(
    name: str, wanted: WantedSetup, environment: Any = "live"
) -> dict[str, tuple[bool | None, str]]:
    async with http_client() as client:
        made = provider(name, environment=environment, client=client)
        checking = ability(made, SetupChecking)  # type: ignore[type-abstract]
        assert checking is not None
        findings = await checking.check_setup(wanted)
    for one in findings:
        assert "hunter2" not in one.detail
    return {one.about: (one.is_well, one.detail) for one in findings}


def stripe_says(
    endpoint: dict[str, Any] | None = None, *, is_live: bool = True, **sold: Any
) -> None:
    """Stripe's answers; null: it has no webhook endpoint."""
    respx.get(f"{API_BASE}/v1/balance").respond(json={"object": "balance", "livemode": is_live})
    respx.get(f"{API_BASE}/v1/webhook_endpoints").respond(
        json={"object": "list", "data": [] if endpoint is None else [endpoint]}
    )
    respx.get(f"{API_BASE}/v1/prices/price_1").respond(json={"object": "price", **SOLD, **sold})


@respx.mock
async def test_stripe_that_is_set_up_right_has_nothing_to_say() -> None:
    stripe_says(ENDPOINT)
    said = await found("stripe", WantedSetup(True, HOOK, [PLAN]))

    assert {about: is_well for about, (is_well, _) in said.items()} == {
        "key": True,
        "webhook": True,
        "events": True,
        "API version": True,
        "plan pro, month": True,
    }


@respx.mock
async def test_stripe_names_each_event_that_is_missing() -> None:
    enabled = sorted(NEEDED_EVENTS - {"invoice_payment.paid", "charge.dispute.closed"})
    stripe_says({**ENDPOINT, "enabled_events": enabled})
    is_well, detail = (await found("stripe", WantedSetup(True, HOOK)))["events"]

    assert is_well is False
    assert detail.endswith("never arrive: charge.dispute.closed, invoice_payment.paid")


@respx.mock
async def test_a_publishable_key_is_named_as_one_and_stripe_is_not_asked() -> None:
    async with http_client() as client:
        api = StripeApi("pk_live_hunter2", API_BASE, client)
        (key,) = await StripeSetupCheck(api).check_setup(WantedSetup(True, HOOK, [PLAN]))

    assert (key.about, key.is_well) == ("key", False)
    assert "this is a publishable key" in key.detail
    assert "TOPUP_STRIPE_SECRET_KEY" in key.detail
    assert "hunter2" not in key.detail


@respx.mock
@pytest.mark.parametrize(
    ("environment", "is_live_key", "word"),
    [("staging", True, "a live key in staging"), ("live", False, "a test key in live")],
)
async def test_a_key_of_the_wrong_mode_is_found(
    environment: str, is_live_key: bool, word: str
) -> None:
    stripe_says(ENDPOINT, is_live=is_live_key)
    said = await found("stripe", WantedSetup(environment == "live", HOOK), environment)

    assert said["key"][0] is False
    assert word in said["key"][1]


@respx.mock
@pytest.mark.parametrize(
    ("endpoint", "about", "is_well", "word"),
    [
        (None, "webhook", False, "is not there"),
        ({**ENDPOINT, "status": "disabled"}, "webhook", False, "is disabled"),
        ({**ENDPOINT, "url": f"{HOOK}/old"}, "webhook", False, "is not there"),
        ({**ENDPOINT, "api_version": "2020-08-27"}, "API version", None, "2020-08-27"),
        ({**ENDPOINT, "api_version": None}, "API version", None, "the account's default"),
    ],
)
async def test_an_endpoint_that_is_missing_off_or_old_is_found(
    endpoint: dict[str, Any] | None, about: str, is_well: bool | None, word: str
) -> None:
    stripe_says(endpoint)
    said = await found("stripe", WantedSetup(True, HOOK))

    assert said[about][0] is is_well
    assert word in said[about][1]


@respx.mock
@pytest.mark.parametrize(
    ("sold", "word"),
    [
        ({"unit_amount": 999}, "it costs 9.99 USD there and 10.00 USD here"),
        ({"currency": "eur"}, "it costs 10.00 EUR there and 10.00 USD here"),
        ({"active": False}, "it is inactive there"),
        ({"recurring": {"interval": "year", "interval_count": 1}}, "charged every 1 year"),
        ({"recurring": {"interval": "month", "interval_count": 3}}, "charged every 3 month"),
        ({"recurring": None}, "not a recurring price"),
        ({"unit_amount": None}, "no fixed amount"),
    ],
)
async def test_a_price_that_differs_is_found(sold: dict[str, Any], word: str) -> None:
    stripe_says(ENDPOINT, **sold)
    is_well, detail = (await found("stripe", WantedSetup(True, HOOK, [PLAN])))["plan pro, month"]

    assert is_well is False
    assert word in detail


@respx.mock
async def test_a_restricted_key_is_told_what_it_may_not_read_and_the_rest_is_seen() -> None:
    stripe_says(ENDPOINT)
    no = {"error": {"type": "invalid_request_error", "message": "no permission"}}
    respx.get(f"{API_BASE}/v1/webhook_endpoints").respond(403, json=no)
    said = await found("stripe", WantedSetup(True, HOOK, [PLAN]))

    assert said["webhook"][0] is None
    assert said["plan pro, month"][0] is True


@respx.mock
async def test_without_a_public_url_no_notification_can_arrive() -> None:
    stripe_says(ENDPOINT)
    assert (await found("stripe", WantedSetup(True, "")))["webhook"][0] is False


@respx.mock
async def test_stripe_that_is_away_is_no_finding_about_its_settings() -> None:
    respx.get(f"{API_BASE}/v1/balance").respond(503)
    with pytest.raises(ProviderUnavailable):
        await found("stripe", WantedSetup(True, HOOK))


@respx.mock
async def test_creems_key_and_products_are_looked_at() -> None:
    sold = {
        "price": 1000,
        "currency": "USD",
        "billing_type": "recurring",
        "billing_period": "every-month",
        "status": "active",
    }
    respx.get(f"{API_BASE}/v1/products/search").respond(json={"items": []})
    products = respx.get(f"{API_BASE}/v1/products", params={"product_id": "price_1"})
    products.respond(json=sold)
    well = await found("creem", WantedSetup(True, HOOK, [PLAN]))
    products.respond(json={**sold, "price": 900, "billing_period": "every-year"})
    differs = await found("creem", WantedSetup(True, HOOK, [PLAN]))
    respx.get(f"{API_BASE}/v1/products/search").respond(403)
    refused = await found("creem", WantedSetup(True, HOOK, [PLAN]))

    assert (well["key"][0], well["webhook"][0], well["plan pro, month"][0]) == (True, None, True)
    assert differs["plan pro, month"] == (
        False,
        "price_1: it is charged every-year; it costs 9.00 USD there and 10.00 USD here",
    )
    assert list(refused) == ["key"]
    assert refused["key"][0] is False


@respx.mock
async def test_myfatoorahs_token_and_currency_are_looked_at() -> None:
    asked = respx.post(f"{API_BASE}/v2/InitiatePayment")
    asked.respond(json={"IsSuccess": True, "Data": {}})
    well = await found("myfatoorah", WantedSetup(True, HOOK))
    asked.respond(400, json={"IsSuccess": False})
    other = await found("myfatoorah", WantedSetup(True, HOOK))
    asked.respond(401, json={})
    refused = await found("myfatoorah", WantedSetup(True, HOOK))

    assert [well[about][0] for about in ("token", "currency", "webhook")] == [True, True, None]
    assert other["currency"][0] is False
    assert [(about, is_well) for about, (is_well, _) in refused.items()] == [("token", False)]


@respx.mock
async def test_epays_merchant_is_looked_at() -> None:
    asked = respx.get(f"{API_BASE}/api.php", params={"act": "query", "pid": "1000", "key": "KEY"})
    results = []
    for answer in ({"code": 1, "active": 1}, {"code": 1, "active": 0}, {"code": -1}):
        asked.respond(json=answer)
        results.append((await found("epay", WantedSetup(True, HOOK)))["merchant"][0])
    asked.respond(404)
    away = await found("epay", WantedSetup(True, HOOK))

    assert results == [True, False, False]
    assert away["address"][0] is False
