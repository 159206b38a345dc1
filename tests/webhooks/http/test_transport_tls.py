import ssl
from pathlib import Path

import pytest

from tests.support.authority import Authority
from tests.support.scripted_receiver import OK, Client, Start, Talk, always
from webhooks.http.connection import client_ssl_context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_tls_is_verified_against_the_host_name_while_dialling_its_address(
    start: Start, client: Client, authority: Authority
) -> None:
    server_context = authority.server_context("hook.example")
    shown: list[str | None] = []
    server_context.sni_callback = lambda _socket, name, _context: shown.append(name)
    receiver = await start(always(OK), ssl_context=server_context)
    transport = client(ssl_context=authority.client_context())
    url = f"https://hook.example:{receiver.port}/"

    first = await transport.post(url, [], b"{}", 5)
    second = await transport.post(url, [], b"{}", 5)

    assert (first.status, first.error, second.status) == (200, None, 200)
    assert (first.remote_address, shown) == ("127.0.0.1", ["hook.example"])
    assert "tls" in first.timings_ms
    assert "tls" not in second.timings_ms
    assert receiver.talks[0].requests[0].startswith(b"POST / HTTP/1.1\r\nHost: hook.example:")


@pytest.mark.parametrize(
    ("certified", "host"),
    [
        ("other.example", "hook.example"),
        ("*.hook.example", "hook.example"),
        ("hook.example", "127.0.0.1"),
        ("127.0.0.1", "hook.example"),
    ],
)
async def test_certificate_of_another_host_is_refused(
    start: Start, client: Client, authority: Authority, certified: str, host: str
) -> None:
    receiver = await start(always(OK), ssl_context=authority.server_context(certified))
    transport = client(ssl_context=authority.client_context())

    outcome = await transport.post(f"https://{host}:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "tls")
    assert all(talk.requests == [] for talk in receiver.talks)


async def test_certificate_of_an_address_serves_a_url_that_names_it(
    start: Start, client: Client, authority: Authority
) -> None:
    receiver = await start(always(OK), ssl_context=authority.server_context("127.0.0.1"))
    transport = client(ssl_context=authority.client_context())

    outcome = await transport.post(f"https://127.0.0.1:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (200, None)


async def test_receiver_that_wants_a_client_certificate_is_a_failure(
    start: Start, client: Client, authority: Authority
) -> None:
    server_context = authority.server_context("hook.example")
    server_context.verify_mode = ssl.CERT_REQUIRED
    receiver = await start(always(OK), ssl_context=server_context)
    transport = client(ssl_context=authority.client_context())

    outcome = await transport.post(f"https://hook.example:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "protocol")


async def test_unknown_authority_is_refused(
    start: Start, client: Client, authority: Authority
) -> None:
    receiver = await start(always(OK), ssl_context=authority.server_context("hook.example"))

    outcome = await client().post(f"https://hook.example:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "tls")
    assert "CERTIFICATE_VERIFY_FAILED" in (outcome.reason or "")


async def test_plain_http_behind_an_https_url_is_a_tls_failure(
    start: Start, client: Client
) -> None:
    async def handler(talk: Talk) -> None:
        talk.say(OK)
        await talk.reader.read()

    receiver = await start(handler)

    outcome = await client().post(f"https://hook.example:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "tls")


async def test_stalled_handshake_ends_at_the_deadline(start: Start, client: Client) -> None:
    async def handler(talk: Talk) -> None:
        await talk.reader.read()

    receiver = await start(handler)

    outcome = await client().post(f"https://hook.example:{receiver.port}/", [], b"{}", 0.2)

    assert (outcome.status, outcome.error) == (None, "timeout")


def test_tls_is_at_least_1_2_and_verified() -> None:
    context = client_ssl_context()

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
