"""Every answer has the envelope, whatever is sent; driven over real HTTP."""

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.answers import envelope
from gateway.answers.response_codes import CODES
from gateway.api import health
from gateway.app import API_PREFIX, SURFACES
from gateway.http.documents import Documents
from gateway.http.edge import Edge
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply, Route, Router
from gateway.repair import repaired
from kernel.fields import Fields
from runtime.context import Context
from store.errors import (
    CannotOpen,
    CommitUnknown,
    ConnectionLost,
    Contention,
    DataRefused,
    Fault,
    LockTimeout,
    StoreError,
    Unable,
)
from tests.support.gateway import Gateway, running, settings_of

FIELDS = ["success", "code", "message", "transaction_id", "status", "timestamp", "data"]
SEND = "/topup/send"
GOOD = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
JSON = {"Content-Type": "application/json"}
STARTED = asyncio.Event()
# What the next calls of /odd/away meet, the last first.
FAILURES: list[StoreError] = []


@pytest_asyncio.fixture
async def gateway(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Gateway]:
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    settings = settings_of(f"sqlite:///{tmp_path}/topup.db", tmp_path)
    async with running(settings, make_app=with_odd_routes) as opened:
        yield opened


def with_odd_routes(context: Context) -> ASGIApp:
    """The app, and around it a surface whose handlers go wrong."""
    odd = ApiSurface(
        "/odd",
        (
            Route("GET", "/broken", broken, "Breaks", is_public=True),
            Route("GET", "/away", away, "Database away", is_public=True),
            Route("GET", "/late", late, "Breaks in the middle", is_public=True),
            Route("GET", "/endless", endless, "Is never done", is_public=True),
        ),
        envelope.refuse,
    )
    router = Router((*SURFACES, odd))
    pages = Starlette(routes=health.routes(context))
    documents = Documents(has_public_url=False, choices={}, query_of=lambda _path: b"")
    return Edge(
        pages,
        context=context,
        documents=documents,
        router=router,
        repaired=repaired,
        challenges={},
    )


async def broken(_call: RequestContext[Fields, Fields]) -> Reply:
    raise ZeroDivisionError("ak_staging_secret")


async def away(_call: RequestContext[Fields, Fields]) -> Reply:
    raise FAILURES.pop() if FAILURES else CommitUnknown("08006")


async def late(_call: RequestContext[Fields, Fields]) -> Reply:
    async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise ZeroDivisionError

    return stream


async def endless(_call: RequestContext[Fields, Fields]) -> Reply:
    STARTED.set()
    await asyncio.Event().wait()
    raise AssertionError("nothing ends it")


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


def check_envelope(body: dict[str, Any], status: int) -> None:
    assert list(body) == FIELDS
    assert body["success"] is (status < 400)
    assert status in CODES[body["code"]].http_statuses
    if status >= 400:
        error = body["data"]["error"]
        assert {"detail", "param", "retryable", "retry_after_s", "next_action", "doc_url"} <= set(
            error
        )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, 3003),
        ("POST", "/topup/send/", 404, 3003),
        ("GET", "", 404, 3003),
        ("GET", "/topup/status/%00", 404, 3003),
        ("GET", "/topup/status/%ff%fe", 404, 3003),
        ("GET", "/topup/status/" + "x" * 2000, 404, 3003),
        ("GET", "/webhooks/..%2f..%2fetc", 404, 3003),
        ("GET", "/topup/send", 405, 4004),
        ("PROPFIND", "/topup/send", 405, 4004),
        ("POST", "/topup/send", 401, 2001),
        ("GET", "/topup/balance", 401, 2001),
    ],
)
async def test_a_stranger_gets_an_envelope(
    gateway: Gateway, method: str, path: str, status: int, code: int
) -> None:
    answer = await gateway.call(method, path)

    assert answer.status_code == status
    if method != "HEAD":
        check_envelope(answer.json(), status)
        assert answer.json()["code"] == code


async def test_405_says_what_is_allowed(gateway: Gateway) -> None:
    answer = await gateway.call("PUT", "/webhooks/we_1")

    assert answer.headers["Allow"] == "DELETE, GET, PATCH, HEAD, OPTIONS"


async def test_options_answers_with_allow_and_no_cors(gateway: Gateway) -> None:
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}

    answer = await gateway.call("OPTIONS", SEND, headers=headers)

    assert answer.status_code == 204
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert "access-control-allow-origin" not in answer.headers


async def test_head_is_get_without_a_body(gateway: Gateway, key: str) -> None:
    answer = await gateway.call("HEAD", "/topup/balance", key=key)

    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 100


async def test_api_answers_are_neither_cached_nor_sniffed(gateway: Gateway, key: str) -> None:
    for answer in (
        await gateway.call("GET", "/topup/balance", key=key),
        await gateway.call("GET", "/nowhere"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "application/json"


async def test_a_sane_request_id_comes_back_and_another_is_replaced(gateway: Gateway) -> None:
    sane = await gateway.call("GET", "/codes", headers={"X-Request-Id": "build-42.a_b"})
    odd = await gateway.call("GET", "/codes", headers={"X-Request-Id": "a b"})
    long = await gateway.call("GET", "/codes", headers={"X-Request-Id": "x" * 129})
    none = await gateway.client.get("/healthz")

    assert sane.headers["X-Request-Id"] == "build-42.a_b"
    for answer in (odd, long, none):
        assert answer.headers["X-Request-Id"].startswith("req_")


async def test_pages_carry_security_headers(gateway: Gateway) -> None:
    answer = await gateway.client.get("/healthz")

    assert answer.json() == {"status": "ok"}
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_readiness_names_its_checks(gateway: Gateway) -> None:
    answer = await gateway.client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "batches": "ok", "writes": "ok"}
    assert answer.json()["deliveries"]["state"] == "ok"


async def test_metrics_count_requests_by_route_template(gateway: Gateway, key: str) -> None:
    await gateway.call("GET", "/topup/status/txn_0000000000000000", key=key)

    text = (await gateway.client.get("/metrics")).text

    assert f'route="{API_PREFIX}/topup/status/{{transaction_id}}",status="404"' in text
    assert "txn_0000000000000000" not in text


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;charset=UTF-8", 200),
        ("application/problem+json", 200),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("application/json; charset=latin-1", 415),
        ("application/jsonx", 415),
        ("", 415),
    ],
)
async def test_only_json_is_read(gateway: Gateway, key: str, kind: str, status: int) -> None:
    body = b'{"platform":"claude","amount_cents":1000,"recipient":"self"}'

    answer = await gateway.call("POST", SEND, key=key, content=body, headers={"Content-Type": kind})

    assert answer.status_code == status
    check_envelope(answer.json(), status)


async def test_a_compressed_body_is_refused(gateway: Gateway, key: str) -> None:
    answer = await gateway.call(
        "POST", SEND, key=key, content=b"\x1f\x8b", headers={**JSON, "Content-Encoding": "gzip"}
    )

    assert (answer.status_code, answer.json()["code"]) == (415, 2007)


async def test_64_kib_is_the_limit_announced_or_not(gateway: Gateway, key: str) -> None:
    padded = b'{"platform":"claude","amount_cents":1000' + b" " * 65_535 + b"}"

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(padded), 1000):
            yield padded[start : start + 1000]

    announced = await gateway.call("POST", SEND, key=key, content=padded, headers=JSON)
    chunked = await gateway.call("POST", SEND, key=key, content=chunks(), headers=JSON)

    for answer in (announced, chunked):
        assert answer.status_code == 413
        assert answer.json()["code"] == 2007
        assert answer.json()["data"]["error"]["limit"] == 65_536


async def test_a_body_in_pieces_is_read_whole(gateway: Gateway, key: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"platform":"cla', b'ude","amount_', b'cents":1000,"recipient":"self"}'):
            yield piece
            await asyncio.sleep(0)

    answer = await gateway.call("POST", SEND, key=key, content=pieces(), headers=JSON)

    assert answer.status_code == 200


async def test_a_client_that_goes_away_harms_nobody(gateway: Gateway, key: str) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST {API_PREFIX}{SEND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    writer.write(head.encode())
    await writer.drain()
    writer.close()

    answer = await gateway.call("POST", SEND, key=key, json=GOOD)

    assert answer.status_code == 200


async def test_an_unexpected_error_is_5000_and_tells_nothing(gateway: Gateway) -> None:
    answer = await gateway.client.get("/odd/broken")

    assert answer.status_code == 500
    check_envelope(answer.json(), 500)
    assert answer.json()["code"] == 5000
    assert "ak_staging" not in answer.text
    assert "ZeroDivision" not in answer.text


async def test_a_lost_database_is_503_with_retry_after(gateway: Gateway) -> None:
    answer = await gateway.client.get("/odd/away")

    assert (answer.status_code, answer.json()["code"]) == (503, 5000)
    assert answer.headers["Retry-After"] == "1"


async def test_a_stream_that_breaks_does_not_end_well(gateway: Gateway) -> None:
    with pytest.raises(Exception, match=r"peer closed|incomplete|disconnected"):
        await gateway.client.get("/odd/late")

    assert (await gateway.client.get("/healthz")).status_code == 200


async def test_what_a_stopping_process_gives_up_is_answered_in_words(gateway: Gateway) -> None:
    path = "/odd/endless"
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    STARTED.clear()
    answering = with_odd_routes(gateway.context)(scope, receive, send)
    asked = asyncio.ensure_future(answering)
    await STARTED.wait()
    # As the server does when its time to drain is over.
    asked.cancel()
    await asked

    assert sent[0]["status"] == 503
    assert (b"retry-after", b"1") in sent[0]["headers"]
    check_envelope(json.loads(sent[1]["body"]), 503)


async def test_a_database_that_is_away_is_one_line_without_a_trace(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    outages: list[StoreError] = [
        CannotOpen(Fault.NO_SUCH_SERVER, "standby", "db.example"),
        ConnectionLost("ConnectionDoesNotExistError"),
        Unable("25006"),
        Contention("40001"),
        LockTimeout("55P03"),
        CommitUnknown("08006"),
    ]
    FAILURES[:] = [DataRefused("23505"), *reversed(outages)]
    with caplog.at_level(logging.INFO, logger="gateway.http.errors"):
        answers = [await gateway.client.get("/odd/away") for _ in range(7)]

    assert [one.status_code for one in answers] == [503] * 7
    *lines, other = [one for one in caplog.records if one.name == "gateway.http.errors"]
    assert {(one.levelname, one.getMessage(), one.exc_info) for one in lines} == {
        ("WARNING", "request.no_database", None)
    }
    named = [(vars(one)["fields"]["error"], vars(one)["fields"]["code"]) for one in lines]
    assert named == [(type(one).__name__, one.code) for one in outages]
    # A row that was refused is a fault of ours.
    assert (other.levelname, other.getMessage()) == ("ERROR", "request.failed")
    assert other.exc_info is not None
    metrics = (await gateway.client.get("/metrics")).text
    for one in outages:
        assert f'topup_database_refusals_total{{error="{type(one).__name__}"}} 1.0' in metrics
