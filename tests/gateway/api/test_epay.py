"""Epay from the order to the credit, against a gateway on a loopback socket, and the attack on it.

The attack: one key signs what we send and what we are told, over text in which nothing is escaped;
so what a buyer writes must never stand in what we sign.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from billing.providers.epay import _sign
from kernel.clock import FixedClock
from tests.support.plain_http import serving
from tests.support.selling_gateway import Store, open_store

EPAY = "/payment/webhook/epay"
FORGED = "https://shop.example/r?x=1&trade_no=F&trade_status=TRADE_SUCCESS"


@dataclass(slots=True)
class Gateway:
    """api.php of an Epay gateway: what it says of each order; away: it answers nothing."""

    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_away: bool = False
    asked: int = 0

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        if self.is_away:
            return Response(status_code=503)
        order_id = request.query_params["out_trade_no"]
        return JSONResponse(self.said.get(order_id, {"code": -1, "msg": "no such order"}))

    def pay(self, order_id: str, **changes: Any) -> None:
        paid = {"code": 1, "status": 1, "pid": 1000, "type": "alipay", "money": "146.00"}
        told = {"trade_no": "T1", "out_trade_no": order_id}
        self.said[order_id] = {**paid, **told, **changes}


@dataclass(slots=True)
class Shop:
    store: Store
    vendor: Gateway

    async def order(self, **body: Any) -> dict[str, Any]:
        """$20.00, which is 146.00 yuan."""
        return await self.store.order(provider="epay", **body)

    async def tell(self, order_id: str, **changes: str) -> str:
        """The answer to a genuine notification of its payment."""
        parameters = {
            "pid": "1000",
            "trade_no": "T1",
            "out_trade_no": order_id,
            "type": "alipay",
            "name": "Credit",
            "money": "146.00",
            "trade_status": "TRADE_SUCCESS",
            **changes,
        }
        signed = {**parameters, "sign": _sign(parameters, "KEY"), "sign_type": "MD5"}
        return (await self.store.gateway.client.get(f"{EPAY}?{urlencode(signed)}")).text

    async def status(self, order: dict[str, Any]) -> str:
        return (await self.store.row(order["id"])).status


@contextlib.asynccontextmanager
async def _open(url: str, folder: Path, clock: FixedClock, **more: str) -> AsyncIterator[Shop]:
    vendor = Gateway()
    app = Starlette(routes=[Route("/api.php", vendor.answer)])
    async with serving(app) as address:
        given = {"pid": "1000", "key": "KEY", "price_per_usd": "7.30", "api_base": address, **more}
        named = {f"epay_staging_{name}": value for name, value in given.items()}
        async with open_store(url, folder, clock, **named) as store:
            yield Shop(store, vendor)


@pytest_asyncio.fixture
async def shop(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Shop]:
    async with _open(database_url, tmp_path, clock) as opened:
        yield opened


@pytest.mark.one_database
@pytest.mark.parametrize("field", ["success_url", "cancel_url"])
async def test_a_buyers_address_never_becomes_a_notification(
    database_url: str, tmp_path: Path, clock: FixedClock, field: str
) -> None:
    # Nobody is asked here, so that the signature alone has to hold.
    async with _open(database_url, tmp_path, clock, confirm="never") as shop:
        order = await shop.order(**{field: FORGED})
        signed = dict(parse_qsl(urlsplit(order["url"]).query, strict_parsing=True))
        text = "&".join(f"{k}={v}" for k, v in sorted(signed.items()) if not k.startswith("sign"))
        parts = dict(part.split("=", 1) for part in text.split("&"))
        forged = urlencode({**parts, "sign": signed["sign"], "sign_type": "MD5"})
        answer = await shop.store.gateway.client.get(f"{EPAY}?{forged}")

        assert (answer.status_code, answer.text) == (400, "fail")
        assert await shop.status(order) == "pending"
        assert await shop.store.bought_cents() == 0
        assert "shop.example" not in order["url"]


async def test_a_notification_alone_credits_nothing(shop: Shop) -> None:
    order = await shop.order()

    await shop.tell(order["id"])

    assert shop.vendor.asked == 1
    assert await shop.status(order) == "pending"
    assert await shop.store.bought_cents() == 0


async def test_a_payment_that_both_tell_is_credited_once(shop: Shop) -> None:
    order = await shop.order()
    shop.vendor.pay(order["id"])

    assert [await shop.tell(order["id"]) for _ in range(2)] == ["success", "success"]
    assert await shop.status(order) == "paid"
    assert await shop.store.bought_cents() == 2000


async def test_while_the_gateway_cannot_be_asked_the_notification_is_wanted_again(
    shop: Shop,
) -> None:
    order = await shop.order()
    shop.vendor.pay(order["id"])
    shop.vendor.is_away = True
    away = await shop.tell(order["id"])
    status = await shop.status(order)
    shop.vendor.is_away = False

    assert (away, status) == ("fail", "pending")
    assert await shop.tell(order["id"]) == "success"
    assert await shop.status(order) == "paid"


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        (
            {"trade_no": "T2"},
            "payment T1 146.00 CNY with alipay was reported, but the query returned payment T2",
        ),
        ({"money": "0.01"}, "but the query returned payment T1 0.01 CNY with alipay"),
        ({"type": "wxpay"}, "but the query returned payment T1 146.00 CNY with wxpay"),
    ],
)
async def test_where_the_two_tell_different_payments_nothing_is_credited(
    shop: Shop, changes: dict[str, str], detail: str
) -> None:
    order = await shop.order()
    shop.vendor.pay(order["id"], **changes)

    assert await shop.tell(order["id"]) == "success"
    (entry,) = await shop.store.log(order["id"])
    assert entry.outcome == "review"
    assert detail in entry.detail
    assert await shop.store.bought_cents() == 0


async def test_a_payment_by_another_wallet_than_the_orders_waits_for_a_person(shop: Shop) -> None:
    order = await shop.order()
    shop.vendor.pay(order["id"], type="wxpay")

    await shop.tell(order["id"], type="wxpay")

    row = await shop.store.row(order["id"])
    assert (row.status, row.reason) == ("review", "wxpay was paid with, not alipay")
    assert await shop.store.bought_cents() == 0


@pytest.mark.one_database
async def test_the_way_back_is_a_page_of_ours_that_leads_on(shop: Shop) -> None:
    order = await shop.order(success_url="https://shop.example/thanks?basket=7&step=2")
    signed = dict(parse_qsl(urlsplit(order["url"]).query))
    path = urlsplit(signed["return_url"]).path
    back = await shop.store.gateway.client.get(f"{path}?trade_status=TRADE_SUCCESS&sign=x")

    assert signed["return_url"] == order["status_url"]
    assert back.status_code == 200
    assert 'href="https://shop.example/thanks?basket=7&amp;step=2"' in back.text
    assert "Go to shop.example" in back.text
    assert await shop.status(order) == "pending"
    unknown = await shop.store.gateway.client.get("/orders/status/ord_1OeHk2Gq0Zb4yT7a")
    assert unknown.status_code == 404
