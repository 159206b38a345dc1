"""Documents of MCP clients are fetched as webhooks are sent: a stranger's address is asked little, carefully,
and not often.
"""

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import FixedClock
from keys.authorization.client import AuthorizationRefused
from runtime.client_documents import ClientDocuments
from tests.support.authority import Authority
from tests.support.name_server import NameServer
from tests.support.scripted_receiver import (
    NOON,
    Client,
    Handler,
    ScriptedReceiver,
    Start,
    Talk,
    always,
)
from webhooks.http.guard import Policy

GOOD = {"client_name": "Desk", "redirect_uris": ["http://127.0.0.1:3030/callback"]}
ACCOUNT = "acc_1"
# Where nobody answers, and where somebody does: a machine under load is slow.
WAIT_S = 1.0
WAIT_S_MAX = 20.0
Documents = Callable[..., ClientDocuments]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def served(authority: Authority) -> ssl.SSLContext:
    return authority.server_context("hook.example", "127.0.0.1")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def documents(client: Client, authority: Authority, clock: FixedClock) -> Documents:
    def make(*, timeout_s: float = WAIT_S_MAX, **options: Any) -> ClientDocuments:
        transport = client(ssl_context=authority.client_context(), **options)
        return ClientDocuments(transport, clock, timeout_s=timeout_s)

    return make


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def serving(*headers: str, status: str = "200 OK", **changes: Any) -> Handler:
    """Whoever asks gets the document of the address that was asked for."""

    async def handler(talk: Talk) -> None:
        while True:
            request = (await talk.request()).decode()
            path = request.split(" ")[1]
            host = request.partition("Host: ")[2].split("\r\n")[0]
            body = {"client_id": f"https://{host}{path}", **GOOD, **changes}
            talk.say(answer(json.dumps(body).encode(), *headers, status=status))

    return handler


def url_of(receiver: ScriptedReceiver, host: str = "hook.example") -> str:
    return f"https://{host}:{receiver.port}/client.json"


def requests_to(receiver: ScriptedReceiver) -> int:
    return sum(len(talk.requests) for talk in receiver.talks)


async def flooding(talk: Talk) -> None:
    await talk.request()
    talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    await talk.flood(b" ")


async def hanging(talk: Talk) -> None:
    await talk.request()
    await talk.reader.read()


async def stopping_half_way(talk: Talk) -> None:
    await talk.request()
    talk.say(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"client_id"')
    await talk.reader.read()


async def test_a_document_is_asked_for_plainly(
    start: Start, documents: Documents, served: ssl.SSLContext
) -> None:
    receiver = await start(serving(), ssl_context=served)

    found = await documents().fetch(url_of(receiver), account_id=ACCOUNT)

    asked = receiver.talks[0].requests[0].decode().lower()
    assert (found.id, found.name) == (url_of(receiver), "Desk")
    assert found.document_url == url_of(receiver)
    assert asked.startswith("get /client.json http/1.1\r\n")
    assert "accept: application/json" in asked
    assert "cookie" not in asked
    assert "authorization" not in asked


@pytest.mark.parametrize(
    "handler",
    [
        serving(client_id="https://other.example/client.json"),
        serving(client_secret="s3cret"),
        serving(redirect_uris=["http://hook.example/callback"]),
        serving(status="404 Not Found"),
        serving(status="201 Created"),
        always(answer(b"", "Location: https://hook.example/client.json", status="302 Found")),
        always(answer(b"<html></html>", "Content-Type: text/html")),
        always(answer(b"x" * 20_000)),
        flooding,
        hanging,
        stopping_half_way,
        always(b"nonsense\r\n\r\n"),
    ],
)
async def test_whatever_else_is_answered_is_a_refusal(
    start: Start, documents: Documents, served: ssl.SSLContext, handler: Handler
) -> None:
    receiver = await start(handler, ssl_context=served)
    is_endless = handler in {flooding, hanging, stopping_half_way}
    asker = documents(timeout_s=WAIT_S if is_endless else WAIT_S_MAX)

    with pytest.raises(AuthorizationRefused):
        await asker.fetch(url_of(receiver), account_id=ACCOUNT)
    with pytest.raises(AuthorizationRefused):
        asker.find_now(url_of(receiver))

    assert requests_to(receiver) == 1


@pytest.mark.parametrize("host", ["hook.example", "127.0.0.1", "127.0.0.3"])
async def test_no_private_address_is_dialled_by_number_or_by_name(
    start: Start, documents: Documents, served: ssl.SSLContext, host: str
) -> None:
    receiver = await start(serving(), ssl_context=served)
    asker = documents(policy=Policy.of())

    with pytest.raises(AuthorizationRefused):
        await asker.fetch(url_of(receiver, host), account_id=ACCOUNT)

    assert receiver.talks == []


async def test_a_name_that_moved_to_a_private_address_is_not_dialled(
    start: Start,
    documents: Documents,
    served: ssl.SSLContext,
    names: NameServer,
    clock: FixedClock,
) -> None:
    receiver = await start(serving(), ssl_context=served)
    asker = documents()
    await asker.fetch(url_of(receiver), account_id=ACCOUNT)
    for talk in receiver.talks:
        talk.hang_up()
    names.zone = {"hook.example": ["127.0.0.3"]}
    clock.advance_s(3600)

    with pytest.raises(AuthorizationRefused):
        await asker.fetch(url_of(receiver), account_id=ACCOUNT)

    assert requests_to(receiver) == 1


async def test_plain_http_is_not_asked_even_where_webhooks_may_be(
    start: Start, documents: Documents
) -> None:
    receiver = await start(serving())

    with pytest.raises(AuthorizationRefused):
        await documents().fetch(
            f"http://hook.example:{receiver.port}/client.json", account_id=ACCOUNT
        )

    assert receiver.talks == []


async def test_a_certificate_of_nobody_known_is_refused(
    start: Start, client: Client, clock: FixedClock, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path).server_context("hook.example")
    receiver = await start(serving(), ssl_context=stranger)

    with pytest.raises(AuthorizationRefused):
        await ClientDocuments(client(), clock).fetch(url_of(receiver), account_id=ACCOUNT)


@pytest.mark.parametrize(
    ("said", "kept_s"),
    [
        ((), 300),
        (("Cache-Control: max-age=600",), 600),
        (("Cache-Control: public, max-age=5",), 60),
        (("Cache-Control: max-age=999999",), 3600),
        (("Cache-Control: no-store",), 60),
        (("Cache-Control: max-age=1e9",), 300),
    ],
)
async def test_a_document_is_kept_as_it_says_within_bounds(
    start: Start,
    documents: Documents,
    served: ssl.SSLContext,
    clock: FixedClock,
    said: tuple[str, ...],
    kept_s: int,
) -> None:
    receiver = await start(serving(*said), ssl_context=served)
    asker = documents()
    found = await asker.fetch(url_of(receiver), account_id=ACCOUNT)

    clock.advance_s(kept_s - 0.000001)
    before = asker.find_now(url_of(receiver))
    clock.advance_s(0.000001)

    assert before == found
    assert asker.find_now(url_of(receiver)) is None


async def test_a_failure_is_kept_ten_seconds(
    start: Start, documents: Documents, served: ssl.SSLContext, clock: FixedClock
) -> None:
    receiver = await start(always(answer(b"", status="500 Oh")), ssl_context=served)
    asker = documents()
    with pytest.raises(AuthorizationRefused):
        await asker.fetch(url_of(receiver), account_id=ACCOUNT)

    clock.advance_s(9.999999)
    with pytest.raises(AuthorizationRefused):
        asker.find_now(url_of(receiver))
    clock.advance_s(0.000001)

    assert asker.find_now(url_of(receiver)) is None
