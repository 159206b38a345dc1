import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.scripted_receiver import OK, Client, Start, always
from webhooks.http.httpx_transport import GuardedTransport


@pytest_asyncio.fixture
async def api(client: Client) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=GuardedTransport(client()), trust_env=False, timeout=1.0
    ) as opened:
        yield opened


async def test_httpx_speaks_through_the_guard(start: Start, api: httpx.AsyncClient) -> None:
    answer = b'{"status": "delivered"}'
    receiver = await start(
        always(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(answer), answer)
        )
    )

    response = await api.post(f"http://hook.example:{receiver.port}/a", json={"b": 1})

    assert (response.status_code, response.json()) == (200, {"status": "delivered"})
    request = receiver.talks[0].requests[0]
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == {"b": 1}
    assert request.lower().count(b"accept-encoding") == 1
    assert request.lower().count(b"content-length") == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"nonsense", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000, httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", httpx.ReadTimeout),
    ],
)  # fmt: skip
async def test_httpx_sees_its_own_errors(
    start: Start, api: httpx.AsyncClient, answer: bytes, error: type[Exception]
) -> None:
    receiver = await start(always(answer))

    with pytest.raises(error):
        await api.get(f"http://hook.example:{receiver.port}/", timeout=0.2)


@pytest.mark.parametrize("url", ["http://127.0.0.3/", "http://gone.example/", "http://10.0.0.1/"])
async def test_httpx_is_told_nothing_about_a_forbidden_host(
    api: httpx.AsyncClient, url: str
) -> None:
    with pytest.raises(httpx.ConnectError) as refused:
        await api.get(url)

    assert str(refused.value) == "no connection (address)"


async def test_httpx_request_that_may_not_be_repeated_gets_a_connection_of_its_own(
    start: Start, api: httpx.AsyncClient
) -> None:
    receiver = await start(always(OK))
    url = f"http://hook.example:{receiver.port}/"

    await api.get(url)
    await api.post(url)
    await api.post(url, headers={"Idempotency-Key": "k"})

    assert len(receiver.talks) == 2


async def test_httpx_header_and_method_that_we_refuse_are_its_errors(
    api: httpx.AsyncClient,
) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        await api.get("http://hook.example/", headers={"X-A": "a\x01b"})
    with pytest.raises(httpx.UnsupportedProtocol):
        await api.head("http://hook.example/")
