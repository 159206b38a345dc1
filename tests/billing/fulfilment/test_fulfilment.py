"""Ways of fulfilment against real loopback services and recorded New API answers."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import httpx
import pytest
import respx
import standardwebhooks
import stripe

from billing.fulfilment.protocol import (
    Delivered,
    Fulfilment,
    OptionsRefused,
    Outcome,
    Refused,
    Request,
    Unknown,
    Waiting,
)
from billing.fulfilment.registry import discover, set_up
from billing.topups.platform import Platform
from kernel.clock import FixedClock, SystemClock
from tests.support.plain_http import http_client

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
REQUEST = Request(
    transaction_id="txn_0000000000000001",
    environment="live",
    platform="slow",
    amount_cents=1000,
    recipient_email="user@example.com",
    voucher_code="ATU-0000-0000-0000-0000-0000",
    attempt=1,
)


class Service:
    """The operator's own service on loopback; it answers what it is told and keeps what came."""

    def __init__(self, status: int, body: bytes) -> None:
        self.received: list[tuple[Mapping[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.received.append((dict(self.headers), self.rfile.read(length)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/topup"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def way(platform: Platform, client: httpx.AsyncClient) -> Fulfilment:
    return set_up([platform], discover(), client=client, clock=SystemClock())[platform.id]


def http_platform(url: str) -> Platform:
    return Platform("slow", "Slow", fulfilment="http", options={"url": url, "secret": SECRET})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"status": "delivered"}', Delivered()),
        (200, b'{"status": "failed", "reason": "no such user"}', Refused("no such user")),
        (200, b'{"status": "failed"}', Refused("refused by the fulfilment")),
        (200, b'{"status": "pending"}', Waiting()),
        (200, b'{"status": "perhaps"}', Unknown("an unreadable answer")),
        (200, b"<html>", Unknown("an unreadable answer")),
        (201, b'{"status": "delivered"}', Unknown("HTTP 201")),
        (404, b'{"status": "failed"}', Unknown("HTTP 404")),
        (500, b'{"status": "failed"}', Unknown("HTTP 500")),
    ],
)
async def test_http_only_a_clear_word_ends_a_top_up(
    status: int, body: bytes, expected: Outcome
) -> None:
    async with http_client() as client:
        with Service(status, body) as service:
            outcome = await way(http_platform(service.url), client).fulfil(REQUEST)

    assert outcome == expected


async def test_http_request_verifies_with_both_published_libraries() -> None:
    async with http_client() as client:
        with Service(200, b'{"status": "delivered"}') as service:
            await way(http_platform(service.url), client).fulfil(REQUEST)

    headers, body = service.received[0]
    lowered = {name.lower(): value for name, value in headers.items()}
    stripe.WebhookSignature.verify_header(
        body.decode(), lowered["x-aitopup-signature"], SECRET, tolerance=300
    )
    standardwebhooks.Webhook(SECRET).verify(body, lowered)
    assert json.loads(body) == {
        "transaction_id": "txn_0000000000000001",
        "environment": "live",
        "platform": "slow",
        "amount_cents": 1000,
        "recipient_email": "user@example.com",
        "voucher_code": "ATU-0000-0000-0000-0000-0000",
    }


async def test_http_service_that_is_away_is_unknown() -> None:
    async with http_client() as client:
        with Service(200, b"") as service:
            url = service.url
        outcome = await way(http_platform(url), client).fulfil(REQUEST)

    assert outcome == Unknown("ConnectError")


NEW_API = {"base_url": "https://api.example.com", "access_token": "token", "user_id": 1}


def new_api(client: httpx.AsyncClient, **more: Any) -> Fulfilment:
    options = {**NEW_API, **more}
    return way(Platform("slow", "Slow", fulfilment="new_api", options=options), client)


async def test_new_api_makes_a_code_worth_the_amount() -> None:
    with respx.mock() as vendor:
        made = vendor.post("https://api.example.com/api/redemption/").respond(
            json={"success": True, "message": "", "data": ["c0de"]}
        )
        async with http_client() as client:
            outcome = await new_api(client).fulfil(REQUEST)

    assert outcome == Delivered("c0de")
    request = made.calls.last.request
    assert json.loads(request.content) == {
        "name": "txn_0000000000000001",
        "count": 1,
        "quota": 5_000_000,  # $10.00 at 500,000 a dollar
        "expired_time": 0,
    }
    assert request.headers["New-Api-User"] == "1"


@pytest.mark.parametrize("wrapped", [True, False])
async def test_new_api_asked_again_finds_the_code_instead_of_making_another(wrapped: bool) -> None:
    rows = [
        {"id": 4, "name": "txn_0000000000000001x", "key": "other"},
        {"id": 5, "name": "txn_0000000000000001", "key": "c0de"},
    ]
    with respx.mock() as vendor:
        vendor.get("https://api.example.com/api/redemption/search").respond(
            json={"success": True, "data": {"items": rows} if wrapped else rows}
        )
        async with http_client() as client:
            again = Request(**{**_fields(REQUEST), "attempt": 2})
            outcome = await new_api(client).fulfil(again)

    assert outcome == Delivered("c0de")


async def test_new_api_in_staging_without_an_instance_moves_no_quota() -> None:
    with respx.mock():
        async with http_client() as client:
            staging = Request(**{**_fields(REQUEST), "environment": "staging"})
            outcome = await new_api(client).fulfil(staging)

    assert outcome == Delivered()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"success": False, "message": "no quota"}, Refused("no quota")),
        (200, {"success": True, "data": []}, Unknown("no code in New API's answer")),
        (502, {}, Unknown("HTTP 502")),
    ],
)
async def test_new_api_answers_are_told_apart(
    status: int, body: dict[str, Any], expected: Outcome
) -> None:
    with respx.mock() as vendor:
        vendor.post("https://api.example.com/api/redemption/").respond(status, json=body)
        async with http_client() as client:
            assert await new_api(client).fulfil(REQUEST) == expected


@pytest.mark.parametrize(
    ("fulfilment", "options"),
    [
        ("http", {}),
        ("http", {"url": "ftp://x", "secret": SECRET}),
        ("http", {"url": "https://x", "secret": "short"}),
        ("http", {"url": "https://x", "secret": SECRET, "tmeout_s": 1}),
        ("new_api", {"base_url": "https://x"}),
        ("voucher", {"url": "https://x"}),
        ("pigeon", {}),
    ],
)
async def test_options_that_do_not_fit_stop_the_start(
    fulfilment: str, options: dict[str, Any]
) -> None:
    async with http_client() as client:
        with pytest.raises(OptionsRefused) as refusal:
            way(Platform("slow", "Slow", fulfilment=fulfilment, options=options), client)

    assert SECRET not in str(refusal.value)


async def test_a_new_way_is_one_new_file(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(
        "from billing.fulfilment.protocol import Delivered, Registration\n"
        "class Echo:\n"
        "    async def fulfil(self, request):\n"
        "        return Delivered(request.transaction_id)\n"
        "FULFILMENT = Registration('echo', True, lambda options, client, clock: Echo())\n"
    )
    platform = Platform("slow", "Slow", fulfilment="echo")
    async with http_client() as client:
        ways = set_up([platform], discover(tmp_path), client=client, clock=FixedClock(0))
        outcome = await ways["slow"].fulfil(REQUEST)

    assert outcome == Delivered("txn_0000000000000001")


def _fields(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in Request.__slots__}
