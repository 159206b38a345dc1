"""Suppliers against real loopback services; each vendor has a file of its own beside this one."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import httpx
import pytest
import standardwebhooks
import stripe

from billing.fulfilment.options import checked_options
from billing.fulfilment.protocol import (
    Delivered,
    OptionsRefused,
    Outcome,
    Refused,
    Request,
    SimulatedSupplier,
    Supplier,
    Tools,
    Unknown,
    Waiting,
    sealed_fields,
)
from billing.fulfilment.registry import discover
from billing.topups.topup import Deliverable, checked_deliverable
from kernel.clock import SystemClock
from tests.support.plain_http import http_client

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
REQUEST = Request(
    transaction_id="txn_0000000000000001",
    account_id="acc_0000000000000001",
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


def made(kind: str, client: httpx.AsyncClient, *folders: Path, **options: Any) -> Supplier:
    registration = discover(*folders)[kind]
    tools = Tools(client, SystemClock(), None, None, "slow", "live")  # type: ignore[arg-type]
    return registration.make(checked_options(registration, options), tools)


def service(url: str, client: httpx.AsyncClient, **more: Any) -> Supplier:
    return made("http", client, url=url, secret=SECRET, **more)


CODE = {"kind": "code", "value": "GIFT-1234-5678", "redeem_url": "https://vendor.example/redeem"}
GIVEN = Deliverable("code", "GIFT-1234-5678", "https://vendor.example/redeem")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"status": "delivered"}', Delivered()),
        (200, b'{"status": "failed", "reason": "no such user"}', Refused("no such user")),
        (200, b'{"status": "failed"}', Refused("refused by the fulfilment")),
        (200, b'{"status": "pending"}', Waiting()),
        (200, b'{"status": "perhaps"}', Unknown("an unreadable answer", is_unreadable=True)),
        (200, b"<html>", Unknown("an unreadable answer", is_unreadable=True)),
        (201, b'{"status": "delivered"}', Unknown("HTTP 201")),
        (404, b'{"status": "failed"}', Unknown("HTTP 404")),
        (500, b'{"status": "failed"}', Unknown("HTTP 500")),
        (
            200,
            json.dumps({"status": "delivered", "deliverable": CODE, "cost_cents": 930}).encode(),
            Delivered(GIVEN, cost_cents=930),
        ),
        (200, b'{"status": "pending", "again_in_s": 20}', Waiting(again_in_s=20.0)),
        (
            200,
            b'{"status": "delivered", "cost_cents": -1}',
            Unknown("an unreadable answer", is_unreadable=True),
        ),
        (
            200,
            b'{"status": "delivered", "deliverable": {"kind": "code"}}',
            Unknown(
                "a deliverable that cannot be kept: A code, key, link or note needs a value; credit has none.",
                is_unreadable=True,
            ),
        ),
        (
            200,
            b'{"status": "delivered", "deliverable": {"kind": "gold", "value": "x"}}',
            Unknown("an unreadable answer", is_unreadable=True),
        ),
    ],
)
async def test_http_only_a_clear_word_ends_a_top_up(
    status: int, body: bytes, expected: Outcome
) -> None:
    async with http_client() as client:
        with Service(status, body) as own:
            outcome = await service(own.url, client).fulfil(REQUEST)

    assert outcome == expected


async def test_http_request_verifies_with_both_published_libraries() -> None:
    async with http_client() as client:
        with Service(200, b'{"status": "delivered"}') as own:
            await service(own.url, client).fulfil(REQUEST)

    headers, body = own.received[0]
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
        "attempt": 1,
    }


@pytest.mark.parametrize(
    ("refusing", "status", "expected"),
    [
        ("404", 404, Refused("the fulfilment answered 404")),
        ("404", 422, Unknown("HTTP 422")),
        ("422,404", 422, Refused("the fulfilment answered 422")),
        ("422,404", 404, Refused("the fulfilment answered 404")),
        ("404,422", 500, Unknown("HTTP 500")),
    ],
)
async def test_a_status_is_a_definite_no_where_the_operator_says_so(
    refusing: str, status: int, expected: Outcome
) -> None:
    async with http_client() as client:
        with Service(status, b'{"status": "delivered"}') as own:
            found = service(own.url, client, refusing_statuses=refusing)
            outcome = await found.fulfil(REQUEST)

    assert outcome == expected


async def test_an_unsigned_answer_is_no_word_where_answers_are_signed() -> None:
    body = b'{"status": "delivered"}'
    async with http_client() as client:
        with Service(200, body) as own:
            outcome = await service(own.url, client, sign_answers=True).fulfil(REQUEST)

    assert outcome == Unknown("an answer without the right signature")


async def test_http_service_that_is_away_is_unknown() -> None:
    async with http_client() as client:
        with Service(200, b"") as own:
            url = own.url
        outcome = await service(url, client).fulfil(REQUEST)

    assert outcome == Unknown("no connection (ConnectError)")


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("http", {}, "http: the option url is missing"),
        ("http", {"url": "https://x"}, "http: the secret option secret is missing"),
        ("http", {"url": "ftp://example", "secret": SECRET}, ""),
        ("http", {"url": "https://x", "secret": "short"}, ""),
        (
            "http",
            {"url": "https://x", "secret": SECRET, "tmeout_s": 1},
            "http: there is no option tmeout_s; its options: url secret timeout_s sign_answers",
        ),
        ("http", {"url": "https://x", "secret": SECRET, "timeout_s": 61}, ""),
        (
            "http",
            {"url": "https://x", "secret": SECRET, "refusing_statuses": "500"},
            "http: the option refusing_statuses does not fit",
        ),
        (
            "new_api",
            {"base_url": "https://example.com", "access_token": "t", "user_id": "one"},
            "new_api: the option user_id does not fit: expected `int`",
        ),
        ("wallet", {"url": "https://x"}, "wallet: there is no option url; its options: none"),
        (
            "manual",
            {"due_minutes": 0},
            "manual: the option due_minutes does not fit: expected `int` >= 1",
        ),
        ("code_stock", {"low_threshold": -1}, ""),
    ],
)
async def test_options_that_do_not_fit_are_refused_without_their_values(
    kind: str, options: dict[str, Any], said: str
) -> None:
    async with http_client() as client:
        with pytest.raises(OptionsRefused) as refusal:
            made(kind, client, **options)

    assert str(refusal.value).startswith(said)
    assert SECRET not in str(refusal.value)


def test_secrets_are_told_from_other_options() -> None:
    kinds = discover()

    assert sealed_fields(kinds["http"].options) == {"secret"}
    assert sealed_fields(kinds["new_api"].options) == {"access_token"}
    assert sealed_fields(kinds["openrouter"].options) == {"management_key"}
    assert sealed_fields(kinds["litellm"].options) == {"admin_key"}
    assert sealed_fields(kinds["code_stock"].options) == set()


async def test_every_kind_has_a_sample_that_can_be_kept() -> None:
    for registration in discover().values():
        outcome = await SimulatedSupplier(registration.sample).fulfil(REQUEST)

        assert isinstance(outcome, Delivered)
        assert checked_deliverable(outcome.deliverable) == outcome.deliverable, registration.name


@pytest.mark.parametrize("file", ["echo.py", "echo/supplier.py"])
async def test_a_new_kind_is_one_new_file(tmp_path: Path, file: str) -> None:
    (tmp_path / "echo").mkdir()
    (tmp_path / file).write_text(
        "from billing.fulfilment.protocol import *\n"
        "from billing.topups.topup import Deliverable\n"
        "class Echo(Supplier):\n"
        "    async def fulfil(self, request):\n"
        "        return Delivered(Deliverable('note', request.transaction_id))\n"
        "SUPPLIER = Registration(name='echo', text='', options=Options, asked_again='repeat',\n"
        "    make=lambda options, tools: Echo(), sample=lambda request: Deliverable('credit'))\n"
    )
    async with http_client() as client:
        outcome = await made("echo", client, tmp_path).fulfil(REQUEST)

    assert outcome == Delivered(Deliverable("note", "txn_0000000000000001"))


@pytest.mark.parametrize(
    "spelled", ["GIFT/12+3 X", "GIFT%2F12%2B3%20X", "GIFT/12%2B3%20X", "GIFT%2f12%2b3+X"]
)
def test_what_everybody_reads_does_not_spell_the_value(spelled: str) -> None:
    text = f"Open https://shop.example/?code={spelled} and sign in."

    kept = checked_deliverable(
        Deliverable("code", "GIFT/12+3 X", f"https://shop.example/?code={spelled}", text)
    )

    assert (kept.value, kept.redeem_url) == ("GIFT/12+3 X", None)
    assert kept.instructions in {"Open https://shop.example/?code=**** and sign in.", "****"}
