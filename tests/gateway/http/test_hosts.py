"""Which Host a request may name: ours, an address, or a name that no stranger can have."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.http.auth import Hosts
from kernel.errors import InvalidInput
from tests.support.gateway import API, Gateway, running, settings_of

PUBLIC = Hosts("https://pay.example.com", ("Alias.example.net",))


@pytest.mark.parametrize(
    "host",
    [
        b"pay.example.com",
        b"Pay.Example.com.",
        b"pay.example.com:443",
        b"alias.example.net",
        b"10.1.2.3:8000",
        b"[::1]:8000",
        b"[2001:db8::1]",
        b"localhost:8000",
        b"app.localhost",
        b"gateway:8000",
    ],
)
def test_our_own_names_addresses_and_names_without_a_dot_are_taken(host: bytes) -> None:
    PUBLIC.check(host, "/")
    # The second time it is known.
    PUBLIC.check(host, "/")


@pytest.mark.parametrize(
    "host",
    [
        None,
        b"",
        b"evil.example",
        b"pay.example.com.evil.example",
        b"pay.example.com, evil.example",
        b"pay.example.com@evil.example",
        b"evil.example:80:80",
        b"gateway:8o",
        b"gateway:800000",
        b"[::1",
        b"[evil]",
        b"[::1]x",
        b"a b",
        b"<script>",
        b"\xff",
        b"a" * 256,
    ],
)
def test_another_host_none_or_two_are_refused(host: bytes | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        PUBLIC.check(host, "/")

    assert refused.value.param == "Host"


@pytest.mark.parametrize("path", ["/healthz", "/healthz/caller", "/readyz", "/metrics"])
def test_probes_name_what_they_like(path: str) -> None:
    PUBLIC.check(None, path)
    PUBLIC.check(b"10-1-2-3.pods.example", path)


@pytest_asyncio.fixture
async def gateway(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Gateway]:
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    settings = settings_of(f"sqlite:///{tmp_path}/topup.db", tmp_path)
    async with running(settings) as opened:
        yield opened


async def test_a_page_of_another_host_gets_the_envelope_and_no_key(gateway: Gateway) -> None:
    rebound = await gateway.client.post(f"{API}/keys/sandbox", headers={"Host": "rebound.example"})
    page = await gateway.client.get("/docs", headers={"Host": "rebound.example"})
    probe = await gateway.client.get("/healthz", headers={"Host": "rebound.example"})

    assert (rebound.status_code, rebound.json()["code"]) == (422, 2007)
    assert rebound.json()["data"]["error"]["param"] == "Host"
    assert page.status_code == 422
    assert probe.status_code == 200


@pytest.mark.parametrize("lines", [b"Host: localhost\r\nHost: localhost\r\n", b""])
async def test_two_hosts_and_none_are_refused(gateway: Gateway, lines: bytes) -> None:
    address, _, port = gateway.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    writer.write(b"GET /docs HTTP/1.1\r\nConnection: close\r\n" + lines + b"\r\n")

    answer = await reader.read()

    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"Send exactly one Host header." in answer


async def test_https_behind_a_proxy_wants_the_public_url(
    gateway: Gateway, sqlite_template: Path, tmp_path: Path
) -> None:
    forwarded = {"X-Forwarded-Proto": "https"}
    unset = await gateway.client.get("/sign-in", headers=forwarded)
    probe = await gateway.client.get("/readyz", headers=forwarded)
    settings = settings_of(
        gateway.context.settings.database_address, tmp_path, public_url="https://pay.example.com"
    )
    async with running(settings) as public:
        page = await public.client.get("/sign-in", headers=forwarded)
        refused = await public.call("GET", "/topup/balance")

    assert "TOPUP_PUBLIC_URL" in unset.json()["data"]["error"]["detail"]
    assert probe.status_code in {200, 503}
    assert page.status_code == 200
    for answer in (page, refused):
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
