"""How a request came here, as /healthz/caller tells it and as /metrics judges it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from starlette.requests import Request

from gateway.http.auth import is_traced
from tests.support.gateway import Gateway, running, settings_of

PUBLIC = "https://pay.example.com"
TRUSTED = "127.0.0.1/32"


@pytest_asyncio.fixture
async def gateways(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[dict[str, Gateway]]:
    """The same installation behind a proxy of this machine, once trusted and once not."""
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    url = f"sqlite:///{tmp_path}/topup.db"
    plain = settings_of(url, tmp_path, public_url=PUBLIC)
    trusting = settings_of(url, tmp_path, public_url=PUBLIC, trusted_proxies=TRUSTED)
    async with running(plain) as one, running(trusting) as other:
        yield {"untrusted": one, "trusted": other}


async def seen(gateway: Gateway, **headers: str) -> list[str]:
    """scheme, host, proxy, address."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await gateway.client.get("/healthz/caller", headers=named)
    assert answer.status_code == 200
    assert list(answer.json()) == ["scheme", "host", "proxy", "address"]
    return list(answer.json().values())


async def test_a_proxy_is_seen_as_it_is_set_up(gateways: dict[str, Gateway]) -> None:
    whole = {
        "Host": "pay.example.com",
        "X_Forwarded_Proto": "https",
        "X_Forwarded_For": "9.9.9.9",
    }
    trusted, untrusted = gateways["trusted"], gateways["untrusted"]

    assert await seen(trusted, **whole) == ["https", "public", "trusted", "public"]
    assert await seen(untrusted, **whole) == ["https", "public", "untrusted", "unknown"]
    # Straight from this machine.
    assert await seen(untrusted) == ["unknown", "other", "none", "private"]
    # A trusted one that does not say for whom it asks.
    assert await seen(trusted, Host="pay.example.com") == [
        "unknown",
        "public",
        "untrusted",
        "unknown",
    ]
    # What a client claimed went through, or stands left of what the proxy wrote.
    claimed = {**whole, "X_Forwarded_For": "192.0.2.77"}
    assert (await seen(trusted, **claimed))[3] == "example"
    appended = {**whole, "X_Forwarded_For": "192.0.2.77, 9.9.9.9"}
    assert (await seen(trusted, **appended))[3] == "public"
    # Of two proxies the nearer alone is trusted.
    inner = {**whole, "X_Forwarded_For": "9.9.9.9, 10.0.0.7"}
    assert (await seen(trusted, **inner))[3] == "private"
    assert (await seen(trusted, **{**whole, "X_Forwarded_Proto": "<script>"}))[0] == "unknown"


async def test_what_is_counted_is_not_shown_through_a_proxy_that_adds_no_header(
    gateways: dict[str, Gateway],
) -> None:
    async def status(which: str, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await gateways[which].client.get("/metrics", headers=named)).status_code

    for which in ("trusted", "untrusted"):
        assert await status(which) == 200
        assert await status(which, Host="localhost:8000") == 200
        assert await status(which, Host="pay.example.com") == 401
        assert await status(which, Host="topup") == 401
        assert await status(which, X_Real_IP="127.0.0.1") == 401
        assert await http_1_0(gateways[which].url, "/metrics") == 401
    assert await status("trusted", Host="pay.example.com", X_Forwarded_For="9.9.9.9") == 401
    bare = await raw(gateways["untrusted"].url, "GET /healthz/caller HTTP/1.0\r\n\r\n")
    assert json.loads(bare.partition("\r\n\r\n")[2]) == {
        "scheme": "unknown",
        "host": "other",
        "proxy": "untrusted",
        "address": "unknown",
    }


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "is_believed"),
    [
        ("10.0.0.5", None, False),
        ("10.0.0.5", b"9.9.9.9", True),
        ("10.0.0.6", None, True),
        ("10.0.0.6", b"9.9.9.9", False),
    ],
)
def test_a_trusted_proxy_elsewhere_is_never_the_caller_itself(
    peer: str, forwarded_for: bytes | None, is_believed: bool
) -> None:
    headers = [(b"host", b"10.0.0.9:8000")]
    headers += [] if forwarded_for is None else [(b"x-forwarded-for", forwarded_for)]
    scope = {"type": "http", "http_version": "1.1", "headers": headers, "client": (peer, 1)}

    assert is_traced(Request(scope), [ip_network("10.0.0.5/32")]) is is_believed


async def http_1_0(url: str, path: str) -> int:
    """The status that nginx would get, which speaks to us as it does unless told otherwise."""
    host = urlsplit(url).netloc
    answer = await raw(url, f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    return int(answer.split(" ")[1])


async def raw(url: str, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()
