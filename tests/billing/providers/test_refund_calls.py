"""What each provider is asked for a refund and what is made of its answers; respx stands at the border.

The answers are the documents' own: Stripe's refund object, Creem's `status` alone, MyFatoorah's MakeRefund
and GetRefundStatus, and the words that Epay's gateways use for yes and no.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import pytest_asyncio
import respx

from billing.ledger.price import Price
from billing.providers.abilities import Refunding, RefundReport, RefundRequest, ability
from billing.providers.protocol import (
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundFailed,
    Subject,
)
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, provider

REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "currency": "usd",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "status": "succeeded",
    "metadata": {"order_id": "ord_1", "refund_id": "rfd_1"},
}
OURS = Subject("ord_1", ("re_1", "ch_1", "pi_1", "rfd_1"))


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as made:
        yield made


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def refunds(name: str, client: httpx.AsyncClient) -> Refunding:
    found = ability(provider(name, client=client), Refunding)  # type: ignore[type-abstract]
    assert found is not None
    return found


def wanted(currency: str = "USD", amount: int = 500, **more: Any) -> RefundRequest:
    given: dict[str, Any] = {
        "id": "rfd_1",
        "order_id": "ord_1",
        "payment_ref": "pi_1",
        "checkout_ref": "cs_1",
        "price": Price(amount, currency),
        "paid": Price(2000, currency),
        "reason": "bought twice",
        **more,
    }
    return RefundRequest(**given)


async def test_stripe_is_asked_with_our_id_as_key_and_metadata(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(f"{API_BASE}/v1/refunds").respond(json=REFUND)

    word = await refunds("stripe", client).refund(wanted())

    assert word == RefundReport(
        "succeeded", "re_1", Refunded(OURS, "re_1", Price(500, "USD"), is_part=True)
    )
    sent = asked.calls.last.request
    assert sent.headers["Idempotency-Key"] == "topup/rfd_1/refund"
    assert parse_qs(sent.content.decode()) == {
        "payment_intent": ["pi_1"],
        "amount": ["500"],
        "metadata[order_id]": ["ord_1"],
        "metadata[refund_id]": ["rfd_1"],
    }


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (
            "pending",
            RefundReport(
                "pending",
                "re_1",
                Refunded(OURS, "re_1", Price(500, "USD"), is_part=True, is_pending=True),
            ),
        ),
        (
            "requires_action",
            RefundReport("pending", "re_1", None, "stripe says requires_action"),
        ),
        (
            "failed",
            RefundReport(
                "failed",
                "re_1",
                RefundFailed(OURS, "re_1", Price(500, "USD"), is_part=True),
                "stripe says failed",
            ),
        ),
    ],
)
async def test_each_status_of_stripes_is_a_word(
    client: httpx.AsyncClient, vendor: respx.MockRouter, status: str, word: RefundReport
) -> None:
    vendor.post(f"{API_BASE}/v1/refunds").respond(json={**REFUND, "status": status})

    assert await refunds("stripe", client).refund(wanted()) == word


async def test_stripes_refund_of_an_invoice_is_one_of_what_paid_it(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    paid = {"type": "payment_intent", "payment_intent": "pi_9"}
    vendor.get(f"{API_BASE}/v1/invoice_payments").respond(
        json={"object": "list", "data": [{"invoice": "in_1", "payment": paid}]}
    )
    asked = vendor.post(f"{API_BASE}/v1/refunds").respond(json=REFUND)

    await refunds("stripe", client).refund(wanted(payment_ref="in_1", checkout_ref=None))

    assert parse_qs(asked.calls.last.request.content.decode())["payment_intent"] == ["pi_9"]


async def test_a_lost_refund_is_found_at_stripe_by_our_id(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    other = {**REFUND, "id": "re_0", "metadata": {}}
    listed = vendor.get(f"{API_BASE}/v1/refunds")
    listed.respond(json={"object": "list", "data": [other, REFUND], "has_more": False})
    one = refunds("stripe", client)

    found = await one.find_refund(wanted())
    listed.respond(json={"object": "list", "data": [other], "has_more": False})
    missing = await one.find_refund(wanted())

    assert found is not None
    assert found.provider_refund_id == "re_1"
    assert missing is None


async def test_a_key_that_stripe_no_longer_takes_says_nothing_of_a_refund(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    error = {"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}
    vendor.get(f"{API_BASE}/v1/refunds").respond(401, json=error)

    with pytest.raises(ProviderUnavailable):
        await refunds("stripe", client).find_refund(wanted())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("succeeded", "succeeded"),
        ("pending", "pending"),
        ("requiresAction", "pending"),
        ("canceled", "failed"),
    ],
)
async def test_creem_sends_all_back_and_says_a_status(
    client: httpx.AsyncClient, vendor: respx.MockRouter, status: str, expected: str
) -> None:
    asked = vendor.post(f"{API_BASE}/v1/refunds").respond(json={"status": status})

    word = await refunds("creem", client).refund(wanted(payment_ref="tran_1", amount=2000))

    assert (word.status, word.provider_refund_id) == (expected, None)
    assert (word.fact is not None) == (expected == "succeeded")
    assert json.loads(asked.calls.last.request.content) == {"transaction_id": "tran_1"}


@pytest.mark.parametrize("name", ["creem", "myfatoorah", "epay"])
async def test_a_request_without_an_idempotency_key_is_sent_once(
    client: httpx.AsyncClient, vendor: respx.MockRouter, name: str
) -> None:
    asked = vendor.route().respond(503)
    currency = {"creem": "USD", "myfatoorah": "KWD", "epay": "CNY"}[name]

    with pytest.raises(ProviderUnavailable):
        await refunds(name, client).refund(wanted(currency))

    assert asked.call_count == 1


@pytest.mark.parametrize(("went_back", "is_found"), [(2400, True), (1000, False), (None, False)])
async def test_creems_transaction_tells_whether_all_went_back(
    client: httpx.AsyncClient, vendor: respx.MockRouter, went_back: int | None, is_found: bool
) -> None:
    found = {"id": "tran_1", "amount": 2000, "amount_paid": 2400, "refunded_amount": went_back}
    vendor.get(f"{API_BASE}/v1/transactions?transaction_id=tran_1").respond(json=found)

    word = await refunds("creem", client).find_refund(wanted(payment_ref="tran_1", amount=2000))

    assert (word is not None) is is_found


async def test_myfatoorah_is_asked_in_dinars_and_looks_at_it_first(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(f"{API_BASE}/v2/MakeRefund").respond(
        json={"IsSuccess": True, "Data": {"Key": "6867014", "RefundId": 275988, "Amount": 1.5}}
    )

    word = await refunds("myfatoorah", client).refund(wanted("KWD", 1500, checkout_ref="6867014"))

    assert (word.status, word.provider_refund_id, word.fact) == ("pending", "275988", None)
    assert json.loads(asked.calls.last.request.content) == {
        "Key": "6867014",
        "KeyType": "InvoiceId",
        "ServiceChargeOnCustomer": False,
        "Amount": 1.5,
        "Comment": "bought twice",
        "ExternalIdentifier": "rfd_1",
    }


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"RefundId": 7, "RefundStatus": "Refunded", "ExternalIdentifier": "rfd_1"}], "succeeded"),
        ([{"RefundId": 7, "RefundStatus": "Pending", "ExternalIdentifier": "rfd_1"}], "pending"),
        ([{"RefundId": 7, "RefundStatus": "Canceled", "ExternalIdentifier": "rfd_1"}], "failed"),
        ([{"RefundId": 7, "RefundStatus": "Refunded", "ExternalIdentifier": "rfd_9"}], None),
        ([], None),
    ],
)
async def test_a_lost_refund_is_found_at_myfatoorah_by_our_id(
    client: httpx.AsyncClient,
    vendor: respx.MockRouter,
    rows: list[dict[str, Any]],
    expected: str | None,
) -> None:
    listed = [{"InvoiceId": 6867014, "Amount": 1.5, **row} for row in rows]
    vendor.post(f"{API_BASE}/v2/GetRefundStatus").respond(
        json={"IsSuccess": True, "Data": {"RefundStatusResult": listed}}
    )

    word = await refunds("myfatoorah", client).find_refund(
        wanted("KWD", 1500, checkout_ref="6867014")
    )

    assert (None if word is None else word.status) == expected
    if word is not None and isinstance(word.fact, Refunded):
        assert (word.fact.key, word.fact.price) == ("7", Price(1500, "KWD"))


async def test_a_refund_at_myfatoorah_without_any_name_may_be_ours(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    row = {"RefundId": 7, "RefundStatus": "Refunded", "InvoiceId": 6867014, "Amount": 1.5}
    vendor.post(f"{API_BASE}/v2/GetRefundStatus").respond(
        json={"IsSuccess": True, "Data": {"RefundStatusResult": [row]}}
    )

    with pytest.raises(ProviderUnavailable):
        await refunds("myfatoorah", client).find_refund(wanted("KWD", 1500, checkout_ref="6867014"))


async def test_a_refund_of_nothing_at_myfatoorah_is_no_word(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    row = {"RefundId": 7, "RefundStatus": "Refunded", "ExternalIdentifier": "rfd_1", "Amount": 0}
    vendor.post(f"{API_BASE}/v2/GetRefundStatus").respond(
        json={"IsSuccess": True, "Data": {"RefundStatusResult": [row]}}
    )

    with pytest.raises(ProviderUnavailable):
        await refunds("myfatoorah", client).find_refund(wanted("KWD", 1500, checkout_ref="6867014"))


async def test_epay_is_asked_with_its_own_form(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(f"{API_BASE}/api.php?act=refund").respond(json={"code": 1, "msg": "ok"})

    word = await refunds("epay", client).refund(wanted("CNY", 1460, payment_ref="T1"))

    subject = Subject("ord_1", ("T1", "rfd_1"))
    fact = Refunded(subject, "rfd_1", Price(1460, "CNY"))
    assert word == RefundReport("succeeded", None, fact)
    assert parse_qs(asked.calls.last.request.content.decode()) == {
        "pid": ["1000"],
        "key": ["KEY"],
        "trade_no": ["T1"],
        "out_trade_no": ["ord_1"],
        "money": ["14.60"],
    }


async def test_a_second_payment_of_a_checkout_is_asked_for_by_its_own_name(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    dinars = vendor.post(f"{API_BASE}/v2/MakeRefund").respond(
        json={"IsSuccess": True, "Data": {"Key": "0708", "RefundId": 9, "Amount": 1.5}}
    )
    yuan = vendor.post(f"{API_BASE}/api.php?act=refund").respond(json={"code": 1})
    beside = {"checkout_ref": "6867014", "is_beside": True}

    await refunds("myfatoorah", client).refund(wanted("KWD", 1500, payment_ref="0708", **beside))
    await refunds("epay", client).refund(wanted("CNY", 1460, payment_ref="T2", **beside))

    # The checkout, and the order's number, would name the first payment as well.
    body = json.loads(dinars.calls.last.request.content)
    assert (body["Key"], body["KeyType"]) == ("0708", "PaymentId")
    form = parse_qs(yuan.calls.last.request.content.decode())
    assert (form["trade_no"], form.get("out_trade_no")) == (["T2"], None)


@pytest.mark.parametrize(
    "said",
    [
        {"code": 1},
        {"code": "1", "msg": "退款成功"},
        {"success": True},
        {"status": "success"},
        {"code": 200, "success": "true"},
    ],
)
async def test_a_gateway_that_words_success_in_another_way_is_believed(
    client: httpx.AsyncClient, vendor: respx.MockRouter, said: dict[str, Any]
) -> None:
    vendor.post(f"{API_BASE}/api.php?act=refund").respond(json=said)

    assert (await refunds("epay", client).refund(wanted("CNY"))).status == "succeeded"


@pytest.mark.parametrize(
    "said",
    [
        {"code": -1, "msg": "订单不存在"},
        {"code": "-3"},
        {"success": False},
        {"code": 0, "success": False},
    ],
)
async def test_a_gateways_no_is_a_no(
    client: httpx.AsyncClient, vendor: respx.MockRouter, said: dict[str, Any]
) -> None:
    vendor.post(f"{API_BASE}/api.php?act=refund").respond(json=said)

    with pytest.raises(ProviderRefused):
        await refunds("epay", client).refund(wanted("CNY"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":0,"msg":"?"}',
        b'{"code":1,"success":false}',
        b"{}",
        b"<html>",
        b"[]",
        b'{"code":-1,"success":true}',
        # A yes in words that are not the protocol's gives no credit back.
        b'{"code":1.0}',
        b'{"code":null}',
        b'{"status":"succeeded"}',
        b'{"code":10000,"msg":"Success"}',
        '{"status":"退款成功"}'.encode(),
    ],
)
async def test_what_is_no_clear_word_leaves_the_refund_unknown(
    client: httpx.AsyncClient, vendor: respx.MockRouter, body: bytes
) -> None:
    vendor.post(f"{API_BASE}/api.php?act=refund").respond(content=body)
    one = refunds("epay", client)

    with pytest.raises(ProviderUnavailable):
        await one.refund(wanted("CNY"))
    with pytest.raises(ProviderUnavailable):
        await one.find_refund(wanted("CNY"))
