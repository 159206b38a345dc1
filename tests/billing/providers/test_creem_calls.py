"""What Creem is asked and what is made of its answers; respx stands at the border."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
import respx

from billing.ledger.price import Price
from billing.providers.breakdown import Breakdown, TaxPart
from billing.providers.protocol import (
    Ignored,
    Opened,
    Paid,
    PriceRefused,
    ProviderRefused,
    ProviderUnavailable,
    Subject,
    Waiting,
)
from billing.providers.registry import discover
from kernel.clock import FixedClock
from keys.principal import Environment
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, ORDER_ID, provider, recorded, stand_in, wish

CHECKOUTS = f"{API_BASE}/v1/checkouts"
ANSWER = json.loads(recorded("creem-answer-checkout"))


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as made:
        yield made


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def sells(vendor: respx.MockRouter, price: int, base: str = API_BASE) -> None:
    """What Creem says that the product costs."""
    product = {"id": "prod_1", "price": price, "currency": "USD"}
    vendor.get(url__startswith=f"{base}/v1/products").respond(json=product)


async def test_a_product_of_another_price_is_refused_before_anybody_sees_the_page(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    vendor.post(CHECKOUTS).respond(json=ANSWER)
    sells(vendor, 999)

    with pytest.raises(PriceRefused, match=r"9\.99 USD, but the price here is 20\.00 USD"):
        await provider("creem", client=client).open(wish(product_ref="prod_credit"))


async def test_a_checkout_is_opened_for_creems_own_product(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(CHECKOUTS).respond(json=ANSWER)
    sells(vendor, 2000)

    opened = await provider("creem", client=client).open(
        wish(product_ref="prod_credit", customer_email="payer@example.com")
    )

    assert opened == Opened(
        "https://creem.io/checkout/prod_credit/ch_4l0N", "ch_4l0N", ("ch_4l0N",)
    )
    sent = asked.calls.last.request
    assert sent.headers["x-api-key"] == "creem_hunter2"
    assert json.loads(sent.content) == {
        "product_id": "prod_credit",
        "request_id": ORDER_ID,
        "units": 1,
        "success_url": "https://shop.example/thanks",
        "metadata": {"order_id": ORDER_ID, "product_id": "prod_credit"},
        "customer": {"email": "payer@example.com"},
    }


@pytest.mark.parametrize(
    ("environment", "host"), [("live", "api.creem.io"), ("staging", "test-api.creem.io")]
)
async def test_each_environment_has_its_own_address(
    client: httpx.AsyncClient, vendor: respx.MockRouter, environment: Environment, host: str
) -> None:
    asked = vendor.post(f"https://{host}/v1/checkouts").respond(json=ANSWER)
    sells(vendor, 2000, f"https://{host}")

    await provider("creem", client=client, environment=environment, api_base="").open(
        wish(product_ref="prod_credit")
    )

    assert asked.call_count == 1


async def test_without_a_product_there_nothing_can_be_sold() -> None:
    with pytest.raises(ProviderRefused):
        await provider("creem").open(wish())


async def test_credit_is_sold_in_units_of_a_product_there(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(CHECKOUTS).respond(json=ANSWER)
    sells(vendor, 100)
    creem = provider(
        "creem", client=client, credit_product_id="prod_dollar", credit_unit_amount="100"
    )

    # The wish costs $20.00.
    await creem.open(wish())

    sent = json.loads(asked.calls.last.request.content)
    assert (sent["product_id"], sent["units"]) == ("prod_dollar", 20)


async def test_credit_that_is_no_whole_unit_is_refused_before_anybody_pays() -> None:
    creem = provider("creem", credit_product_id="prod_fifteen", credit_unit_amount="1500")

    with pytest.raises(ProviderRefused, match="whole units"):
        await creem.open(wish())


async def test_the_portal_is_opened_for_the_customer(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(f"{API_BASE}/v1/customers/billing").respond(
        json={"customer_portal_link": "https://creem.io/my-orders/login/x"}
    )

    url = await provider("creem", client=client).portal("cust_1Oc", "https://shop.example/me")

    assert url == "https://creem.io/my-orders/login/x"
    assert json.loads(asked.calls.last.request.content) == {"customer_id": "cust_1Oc"}


@pytest.mark.parametrize(
    ("answer", "order_id", "fact"),
    [
        ("creem-answer-checkout", ORDER_ID, Waiting(Subject(ORDER_ID, ("ch_4l0N",)))),
        (
            "creem-answer-paid",
            ORDER_ID,
            Paid(
                Subject(ORDER_ID, ("ch_4l0N", "ord_4aDw", "tran_5yMa")),
                "tran_5yMa",
                Price(2000, "USD"),
                "cust_1Oc",
                breakdown=Breakdown(
                    subtotal=2000, total=2420, taxes=(TaxPart("Tax, collected by Creem", 420),)
                ),
            ),
        ),
        ("creem-answer-paid", "ord_other", Ignored("the checkout is another order's")),
    ],
)
async def test_an_inquiry_says_what_became_of_the_checkout(
    client: httpx.AsyncClient, vendor: respx.MockRouter, answer: str, order_id: str, fact: object
) -> None:
    asked = vendor.get(CHECKOUTS).respond(json=json.loads(recorded(answer)))

    facts = await provider("creem", client=client).inquire(order_id, "ch_4l0N")

    assert facts == (fact,)
    assert dict(asked.calls.last.request.url.params) == {"checkout_id": "ch_4l0N"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_definite_no_is_asked_once(
    client: httpx.AsyncClient, vendor: respx.MockRouter, status: int
) -> None:
    error = {"message": "creem_hunter2 is not known", "trace_id": "x"}
    asked = vendor.route(url__startswith=API_BASE).respond(status, json=error)
    one = provider("creem", client=client)

    with pytest.raises(ProviderRefused) as refused:
        await one.open(wish(product_ref="prod_credit"))
    with pytest.raises(ProviderUnavailable):
        await one.inquire(ORDER_ID, "ch_4l0N")

    assert asked.call_count == 2
    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(429, json={}),
        httpx.Response(503, text="<html>"),
        httpx.ConnectTimeout("creem_hunter2"),
        httpx.Response(200, content=b"x" * (1024 * 1024 + 1)),
    ],
)
async def test_while_nothing_is_known_the_same_is_asked_three_times(
    client: httpx.AsyncClient, vendor: respx.MockRouter, answer: httpx.Response | Exception
) -> None:
    asked = vendor.post(CHECKOUTS).mock(side_effect=[answer, answer, answer])

    with pytest.raises(ProviderUnavailable) as refused:
        await provider("creem", client=client).open(wish(product_ref="prod_credit"))

    assert asked.call_count == 3
    assert len({call.request.content for call in asked.calls}) == 1
    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id":"ch_1"}', b"[" * 9000])
async def test_an_unreadable_answer_tells_nothing_and_is_not_asked_for_again(
    client: httpx.AsyncClient, vendor: respx.MockRouter, body: bytes
) -> None:
    asked = vendor.post(CHECKOUTS).respond(200, content=body)

    with pytest.raises(ProviderUnavailable):
        await provider("creem", client=client).open(wish(product_ref="prod_credit"))

    assert asked.call_count == 1


async def test_a_stand_in_asks_nobody() -> None:
    one = stand_in("creem")

    for asking in (
        one.open(wish(product_ref="prod_credit")),
        one.inquire(ORDER_ID, "ch_1"),
        one.portal("cust_1Oc", "https://shop.example/me"),
    ):
        with pytest.raises((ProviderRefused, ProviderUnavailable)):
            await asking


async def test_settings_never_show_a_secret() -> None:
    registration = discover()["creem"]
    settings = registration.settings.model_validate(
        {"api_key": "creem_hunter2", "webhook_secret": "hunter2"}
    )

    made = registration.make(settings, "live", http_client(), FixedClock(0))

    assert "hunter2" not in repr(settings) + repr(made)
