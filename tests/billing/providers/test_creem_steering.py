"""What Creem is asked when a person steers a plan; respx stands at the border. Source: docs.creem.io."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import respx

from billing.providers.abilities import Act, Steering, SteerRequest, ability
from billing.providers.protocol import (
    ProviderRefused,
    ProviderUnavailable,
    Subject,
    SubscriptionChanged,
)
from kernel.clock import parse_rfc3339
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, provider

SUBSCRIPTION = f"{API_BASE}/v1/subscriptions/sub_6pC"
END = "2026-07-13T12:00:00Z"


@pytest_asyncio.fixture
async def creem() -> AsyncIterator[Steering]:
    async with http_client() as client:
        found = ability(provider("creem", client=client), Steering)  # type: ignore[type-abstract]
        assert found is not None
        yield found


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock() as router:
        yield router


def shown(status: str, product: str = "prod_pro") -> dict[str, Any]:
    """The subscription as Creem answers."""
    return {
        "id": "sub_6pC",
        "mode": "test",
        "object": "subscription",
        "product": {"id": product, "price": 3000, "currency": "USD"},
        "customer": {"id": "cust_1"},
        "status": status,
        "last_transaction_id": "tran_3e6Z",
        "current_period_start_date": "2026-06-13T12:00:00Z",
        "current_period_end_date": END,
    }


def wish(act: Act, **more: Any) -> SteerRequest:
    return SteerRequest("sub_6pC", act, "str_1", **more)


def told(status: Any, product: str = "prod_pro", *, is_ending: bool = False) -> SubscriptionChanged:
    return SubscriptionChanged(
        Subject(None, ("sub_6pC", "tran_3e6Z")),
        "sub_6pC",
        status,
        period_end_at=parse_rfc3339(END),
        is_ending=is_ending,
        product_ref=product,
    )


CHARGED = {"product_id": "prod_team", "update_behavior": "proration-charge-immediately"}
LATER = {"product_id": "prod_team", "update_behavior": "proration-none"}


@pytest.mark.parametrize(
    ("request_", "path", "body", "answer", "standing"),
    [
        (
            wish("cancel"),
            "cancel",
            {"mode": "scheduled", "onExecute": "cancel"},
            shown("scheduled_cancel"),
            told("active", is_ending=True),
        ),
        (
            wish("cancel_now"),
            "cancel",
            {"mode": "immediate"},
            shown("canceled"),
            told("cancelled"),
        ),
        (wish("resume"), "resume", {}, shown("active"), told("active")),
        (wish("pause"), "pause", {}, shown("paused"), told("paused")),
        (
            wish("change", product_ref="prod_team", is_charged_now=True),
            "upgrade",
            CHARGED,
            shown("active", "prod_team"),
            told("active", "prod_team"),
        ),
        (
            wish("change", product_ref="prod_team"),
            "upgrade",
            LATER,
            shown("trialing", "prod_team"),
            told("active", "prod_team"),
        ),
    ],
)
async def test_what_is_wanted_is_asked_in_creems_words(
    creem: Steering,
    vendor: respx.MockRouter,
    request_: SteerRequest,
    path: str,
    body: dict[str, str],
    answer: dict[str, Any],
    standing: SubscriptionChanged,
) -> None:
    asked = vendor.post(f"{SUBSCRIPTION}/{path}").respond(json=answer)

    assert await creem.steer(request_) == standing

    assert json.loads(asked.calls.last.request.content) == body
    assert asked.calls.last.request.headers["x-api-key"] == "creem_hunter2"
    assert request_.is_reached(standing)


@pytest.mark.parametrize("failure", [httpx.Response(500), httpx.ReadTimeout("lost")])
async def test_a_request_without_an_answer_is_sent_once(
    creem: Steering, vendor: respx.MockRouter, failure: Any
) -> None:
    asked = vendor.post(f"{SUBSCRIPTION}/upgrade").mock(side_effect=[failure, failure])

    with pytest.raises(ProviderUnavailable):
        await creem.steer(wish("change", product_ref="prod_team", is_charged_now=True))

    assert asked.call_count == 1


async def test_how_it_stands_is_asked_by_its_id(creem: Steering, vendor: respx.MockRouter) -> None:
    asked = vendor.get(f"{API_BASE}/v1/subscriptions", params={"subscription_id": "sub_6pC"})
    asked.respond(json=shown("unpaid"))

    assert await creem.standing("sub_6pC") == told("past_due")


async def test_a_no_is_a_refusal_and_an_id_is_no_path(
    creem: Steering, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(url__startswith=f"{API_BASE}/v1/subscriptions/").respond(400)

    with pytest.raises(ProviderRefused):
        await creem.steer(SteerRequest("../products?x=", "resume", "str_1"))

    assert asked.calls.last.request.url.raw_path == b"/v1/subscriptions/..%2Fproducts%3Fx%3D/resume"


@pytest.mark.parametrize(
    ("act", "is_reached"),
    [("cancel", True), ("cancel_now", True), ("resume", False)],
)
def test_what_has_ended_meanwhile_does_not_go_on(act: Act, is_reached: bool) -> None:
    assert wish(act).is_reached(told("cancelled")) is is_reached
