"""OhMyGPT: what an app orders for its user is paid by the user and credited to the user, once."""

import asyncio
import json
import re

import pytest
import pytest_asyncio

from tests.support.dialect_calls import decide
from tests.support.gateway import Gateway
from tests.support.oauth_agreement import Agreement, agree, cents, refused
from tests.support.programs import needed
from tests.support.recordings import form_of, recorded

ORDER = "/pay/oa/stripe/create-order"
INVOICE = "/pay/oa/stripe/create-invoice-order"
TEN = {
    "amount": "10",
    "product_id": "10001",
    "success_url": "https://www.ohmygpt.com/pay?stripe_callback=success",
    "cancel_url": "https://www.ohmygpt.com/pay?stripe_callback=canceled",
}


@pytest_asyncio.fixture
async def agreed(gateway: Gateway) -> Agreement:
    return await agree(gateway)


async def test_the_seeds_curl_line_works_as_written(agreed: Agreement) -> None:
    needed("curl")
    command = recorded("ohmygpt/curl.txt")
    command = command.replace("https://cn2us02.opapi.win", agreed.gateway.url)
    command = command.replace("<token>", await agreed.token())

    running_curl = await asyncio.create_subprocess_exec(
        "sh", "-c", command.strip() + " --silent", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await running_curl.communicate()

    text = output.decode()
    assert form_of(text) == form_of(recorded("ohmygpt/create-order.json"))
    body = json.loads(text)
    assert (body["statusCode"], body["message"]) == (200, "Stripe Order Create Success")
    assert re.fullmatch("[0-9a-f]{32}", body["data"]["order_no"])


async def test_a_paid_order_credits_the_user(agreed: Agreement) -> None:
    placed = await agreed.post(ORDER, TEN, token=await agreed.token())
    data = placed.json()["data"]

    await decide(agreed.gateway, data["checkout_url"])

    key = await agreed.gateway.key(agreed.user_id)
    [order] = (await agreed.gateway.call("GET", "/orders", key=key)).json()["data"]["items"]
    assert (order["order_no"], order["status"]) == (data["order_no"], "paid")
    assert (order["provider"], order["amount"], order["credits"]) == ("stripe", 1000, 10_000)
    # $10,000.00 and the ten that were bought.
    assert await cents(agreed.gateway, agreed.user_id) == 1_001_000
    assert await cents(agreed.gateway, agreed.owner_id) == 1_000_000


async def test_an_invoice_is_paid_like_a_checkout(agreed: Agreement) -> None:
    placed = await agreed.post(INVOICE, {"amount": "12.34"}, token=await agreed.token())
    data = placed.json()["data"]

    assert placed.status_code == 200, placed.text
    assert list(data) == ["invoice_url", "invoice_pdf", "order_no"]
    assert placed.json()["message"] == "Stripe Invoice Order Create Success"
    await decide(agreed.gateway, data["invoice_url"])
    assert await cents(agreed.gateway, agreed.user_id) == 1_001_234


async def test_a_repeated_order_is_the_same_one(agreed: Agreement) -> None:
    token, headers = await agreed.token(), {"Idempotency-Key": "k-1"}

    first = await agreed.post(ORDER, TEN, token=token, headers=headers)
    again = await agreed.post(ORDER, TEN, token=token, headers=headers)

    assert first.content == again.content
    key = await agreed.gateway.key(agreed.user_id)
    listed = await agreed.gateway.call("GET", "/orders", key=key)
    assert len(listed.json()["data"]["items"]) == 1


NONSENSE = [
    {"amount": ""},
    {"amount": "0"},
    {"amount": "0.99"},
    {"amount": "10.001"},
    {"amount": "-10"},
    {"amount": "1e1"},
    {"amount": "10000.01"},
    {"amount": "9" * 30},
    {"success_url": "javascript:alert(1)"},
    {"success_url": "https://user:pw@www.ohmygpt.com/"},
    {"cancel_url": "//evil.example"},
    {"cancel_url": "https://evil.example/\\r\\n"},
    {"cancel_url": "https://evil.example/" + "x" * 2048},
]


@pytest.mark.one_database
async def test_nonsense_orders_nothing(agreed: Agreement) -> None:
    token = await agreed.token()

    for fields in NONSENSE:
        answer = await agreed.post(ORDER, {**TEN, **fields}, token=token)
        refused(answer, 422, "invalid_request_error")
    refused(
        await agreed.post(ORDER, {**TEN, "product_id": "1"}, token=token), 404, "not_found_error"
    )
    key = await agreed.gateway.key(agreed.user_id)
    listed = await agreed.gateway.call("GET", "/orders", key=key)
    assert listed.json()["data"]["items"] == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"amount": "0.99"}, "`amount` must be from 1.00 to 10000.00."),
        ({"amount": "10000.01"}, "`amount` must be from 1.00 to 10000.00."),
        ({"amount": "0"}, "`amount` must be above 0."),
        ({"success_url": "x"}, "success_url: A URL begins with https:// or http://."),
    ],
)
async def test_a_refusal_names_the_field_in_the_apps_own_words(
    agreed: Agreement, fields: dict[str, str], message: str
) -> None:
    answer = await agreed.post(ORDER, {**TEN, **fields}, token=await agreed.token())

    assert answer.json()["message"] == message


@pytest.mark.one_database
async def test_without_a_provider_in_live_nothing_is_ordered(gateway: Gateway) -> None:
    agreed = await agree(gateway, environment="live")

    refused(await agreed.post(ORDER, TEN, token=await agreed.token()), 422, "invalid_request_error")
