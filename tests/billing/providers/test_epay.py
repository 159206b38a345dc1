"""Epay: signed redirects, notifications by GET and by form, and a second opinion on large ones."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import respx

from billing.ledger.price import Price
from billing.providers.epay import _sign
from billing.providers.protocol import (
    Fact,
    Ignored,
    NotificationRefused,
    Paid,
    ProviderRefused,
    ProviderUnavailable,
    Received,
    Subject,
    Unconfirmed,
    Waiting,
)
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, ORDER_ID, provider, recorded, wish

NOTIFIED = {
    "pid": "1000",
    "trade_no": "T1",
    "out_trade_no": ORDER_ID,
    "type": "alipay",
    "name": "Credit 充值",
    "money": "73.00",
    "trade_status": "TRADE_SUCCESS",
    "param": "",
}
SUBJECT = Subject(ORDER_ID, ("T1",))


def notification(**change: str) -> Received:
    parameters = {**NOTIFIED, **change}
    parameters |= {"sign": _sign(parameters, "KEY"), "sign_type": "MD5"}
    query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
    return Received("GET", {}, query.encode(), b"")


def facts_of(received: Received, **settings: Any) -> tuple[Fact, ...]:
    return provider("epay", **settings).read(received).facts


def test_known_answers_of_the_sign() -> None:
    # The first is go-epay's own.
    assert _sign({"money": "moneyv", "device": "devicev"}, "1234567") == (
        "3854cc9f022e0fb821bd2e002260245d"
    )
    assert _sign({**NOTIFIED, "out_trade_no": "USR1NOabc", "name": "TUC10"}, "KEY") == (
        "ccdb803c956b1d840c6f976bf1dd5562"
    )


def test_a_success_is_paid_by_its_trade_amount_and_wallet() -> None:
    paid = Paid(SUBJECT, "T1", Price(7300, "CNY"), method="alipay")

    assert facts_of(notification(), confirm="never") == (paid,)


def test_each_success_is_asked_about_unless_the_operator_says_otherwise() -> None:
    paid = Paid(SUBJECT, "T1", Price(7300, "CNY"), method="alipay")

    assert facts_of(notification()) == (Unconfirmed(SUBJECT, ORDER_ID, paid),)


def test_only_the_three_ways_of_confirming_are_taken() -> None:
    with pytest.raises(ValueError, match="is one of always, above, never"):
        provider("epay", confirm="sometimes")


def test_any_other_status_is_not_paid() -> None:
    assert facts_of(notification(trade_status="WAIT_BUYER_PAY")) == (Waiting(SUBJECT),)


@pytest.mark.parametrize(
    ("money", "above", "is_believed"),
    [("1000.00", "1000", True), ("1000.01", "1000", False), ("0.01", "0", False)],
)
def test_an_amount_above_the_limit_needs_a_second_opinion(
    money: str, above: str, *, is_believed: bool
) -> None:
    (fact,) = facts_of(notification(money=money), confirm="above", confirm_above=above)

    assert isinstance(fact, Paid if is_believed else Unconfirmed)


def test_where_nothing_is_asked_each_amount_is_believed() -> None:
    assert isinstance(facts_of(notification(money="99999.00"), confirm="never")[0], Paid)


@pytest.mark.parametrize(
    "received",
    [
        notification(pid="1001"),
        notification(pid=""),
        notification(money="NaN"),
        notification(money=""),
        notification(money="-73.00"),
        notification(money="73.001"),
        notification(money="7e1"),
        Received("GET", {}, notification().query + b"&money=1.00", b""),
        Received("GET", {}, b"pid=\xff", b""),
        Received("GET", {}, b"pid=%ff", b""),
        Received("GET", {}, b"&".join(b"a%d=1" % n for n in range(41)), b""),
        notification(trade_no=""),
        notification(out_trade_no=""),
        notification(device="pc"),
        notification(return_url="https://shop.example/"),
        notification(name="a&b"),
        notification(name="a=b"),
        notification(param="x&trade_no=T9"),
    ],
)
def test_what_is_not_this_merchants_notification_is_refused(received: Received) -> None:
    with pytest.raises(NotificationRefused) as refused:
        facts_of(received)

    assert refused.value.reason == "form"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_parameters_are_looked_for_where_the_method_has_them(method: str) -> None:
    query, body = (b"", notification().query) if method == "GET" else (notification().query, b"")

    with pytest.raises(NotificationRefused) as refused:
        facts_of(Received(method, {}, query, body))

    assert refused.value.reason == "signature"


@pytest.mark.parametrize(("old", "new"), [(b"73.00", b"7.30"), (b"MD5", b"RSA"), (b"T1", b"T2")])
def test_a_changed_parameter_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(NotificationRefused) as refused:
        facts_of(Received("GET", {}, notification().query.replace(old, new), b""))

    assert refused.value.reason == "signature"


async def test_the_payer_is_sent_on_with_signed_parameters() -> None:
    opened = await provider("epay").open(wish("CNY", 7300, method="wxpay"))

    assert opened.ref == ORDER_ID
    url = urlsplit(opened.url)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{API_BASE}/submit.php"
    found = dict(parse_qsl(url.query, strict_parsing=True))
    assert found.pop("sign_type") == "MD5"
    assert found.pop("sign") == _sign(found, "KEY")
    assert found == {
        "pid": "1000",
        "type": "wxpay",
        "out_trade_no": ORDER_ID,
        "notify_url": "https://topup.example/payment/webhook/x",
        "return_url": "https://topup.example/orders/status/q5T0bWf7yXnB2cVd8eKjLw",
        "name": "Credit \uff06 more",
        "money": "73.00",
        "device": "pc",
    }
    assert "KEY" not in opened.url


FORGED = "https://shop.example/r?x=1&trade_no=F&trade_status=TRADE_SUCCESS"


@pytest.mark.parametrize("field", ["success_url", "cancel_url", "title", "customer_email"])
async def test_nothing_that_a_buyer_writes_becomes_a_notification(field: str) -> None:
    one = provider("epay", confirm="never")
    opened = await one.open(wish("CNY", 7300, **{field: FORGED}))
    signed = dict(parse_qsl(urlsplit(opened.url).query, strict_parsing=True))

    # The text that was signed, split at each & as a receiver of it would.
    text = "&".join(f"{k}={v}" for k, v in sorted(signed.items()) if not k.startswith("sign"))
    pairs = [part.partition("=") for part in text.split("&")]
    forged = {name: value for name, _, value in pairs}
    assert _sign(forged, "KEY") == signed["sign"]
    query = urlencode({**forged, "sign": signed["sign"], "sign_type": "MD5"})
    with pytest.raises(NotificationRefused):
        one.read(Received("GET", {}, query.encode(), b""))
    assert "trade_status" not in forged


@pytest.mark.parametrize("field", ["notify_url", "return_url"])
async def test_an_address_that_would_split_the_signed_text_is_not_signed(field: str) -> None:
    with pytest.raises(ProviderRefused, match=field):
        await provider("epay").open(wish("CNY", 7300, **{field: FORGED}))


async def test_the_first_way_of_paying_is_the_default_and_others_are_refused() -> None:
    one = provider("epay", methods="usdt, alipay")

    opened = await one.open(wish("CNY", 7300))

    assert "type=usdt" in opened.url
    with pytest.raises(ProviderRefused):
        await one.open(wish("CNY", 7300, method="wxpay"))
    with pytest.raises(ProviderRefused):
        await one.open(wish("USD", 7300))


async def inquired(answer: dict[str, object], status: int = 200) -> object:
    with respx.mock() as vendor:
        asked = vendor.get(f"{API_BASE}/api.php").respond(status, json=answer)
        async with http_client() as client:
            facts = await provider("epay", client=client).inquire(ORDER_ID, ORDER_ID)
    assert dict(asked.calls.last.request.url.params) == {
        "act": "order",
        "pid": "1000",
        "key": "KEY",
        "out_trade_no": ORDER_ID,
    }
    return facts


PAID = json.loads(recorded("epay-answer-paid"))


@pytest.mark.parametrize("change", [{}, {"code": "1", "status": "1"}, {"money": 73.0}])
async def test_an_inquiry_tells_the_amount(change: dict[str, object]) -> None:
    assert await inquired({**PAID, **change}) == (
        Paid(SUBJECT, "T1", Price(7300, "CNY"), method=PAID.get("type")),
    )


@pytest.mark.parametrize(
    "answer", [{**PAID, "status": 0}, json.loads(recorded("epay-answer-unknown"))]
)
async def test_an_order_that_is_not_paid_or_not_known_waits(answer: dict[str, object]) -> None:
    assert await inquired(answer) == (Waiting(Subject(ORDER_ID)),)


@pytest.mark.parametrize("change", [{"out_trade_no": "ord_other"}, {"pid": "1001"}])
async def test_an_answer_about_another_order_says_nothing_of_this_one(
    change: dict[str, object],
) -> None:
    assert await inquired({**PAID, **change}) == (Ignored("the answer is about another order"),)


@pytest.mark.parametrize(
    ("answer", "status"),
    [({**PAID, "money": "much"}, 200), ({**PAID, "money": None}, 200), (PAID, 404)],
)
async def test_an_answer_without_an_amount_tells_nothing(
    answer: dict[str, object], status: int
) -> None:
    with pytest.raises(ProviderUnavailable):
        await inquired(answer, status)
