import asyncio

import pytest

from kernel.errors import InvalidInput
from tests.support.scripted_receiver import NOON, OK, Client, Handler, Start, Talk, always, send
from webhooks.http.guard import check_header


async def test_request_arrives_as_it_was_given(start: Start, client: Client) -> None:
    receiver = await start(always(OK))

    outcome = await send(client(), receiver)

    assert receiver.talks[0].requests == [
        b"POST /hook?a=b HTTP/1.1\r\nHost: hook.example:%d\r\nAccept-Encoding: identity\r\n"
        b'X-One: 1\r\nContent-Length: 7\r\n\r\n{"a":1}' % receiver.port
    ]
    assert (outcome.status, outcome.error, outcome.response_body) == (200, None, b"ok")
    assert (outcome.remote_address, outcome.is_cut) == ("127.0.0.1", False)
    assert outcome.response_headers == {"content-length": "2"}
    assert set(outcome.timings_ms) == {"dns", "connect", "first_byte", "total"}
    assert (outcome.started_at_us, outcome.ended_at_us) == (NOON, NOON)


async def test_connection_is_kept_and_used_again(start: Start, client: Client) -> None:
    receiver, transport = await start(always(OK)), client()

    outcomes = [await send(transport, receiver) for _ in range(5)]

    assert [outcome.status for outcome in outcomes] == [200] * 5
    assert len(receiver.talks) == 1
    assert "connect" not in outcomes[4].timings_ms


async def test_hundred_at_once_all_arrive(start: Start, client: Client) -> None:
    receiver, transport = await start(always(OK)), client(idle_per_origin_max=10, idle_max=10)

    outcomes = await asyncio.gather(*(send(transport, receiver) for _ in range(100)))

    assert [outcome.status for outcome in outcomes] == [200] * 100
    assert sum(len(talk.requests) for talk in receiver.talks) == 100
    assert transport.idle_connections <= 10


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            201,
            b"ok",
        ),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", 200, b"ok"),
    ],
)
async def test_ordinary_responses_are_read(
    start: Start, client: Client, answer: bytes, status: int, body: bytes
) -> None:
    receiver = await start(always(answer))

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error, outcome.response_body) == (status, None, body)


async def test_body_may_end_with_the_connection(start: Start, client: Client) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        talk.hang_up()

    receiver, transport = await start(handler), client()

    outcome = await send(transport, receiver)

    assert (outcome.status, outcome.error, outcome.response_body) == (200, None, b"until the end")
    assert transport.idle_connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_a_failure_and_is_not_followed(
    start: Start, client: Client, status: int
) -> None:
    inside = await start(always(OK))
    location = f"http://hook.example:{inside.port}/"
    receiver = await start(
        always(f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    )

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error) == (status, "http")
    assert outcome.response_headers["location"] == location
    assert inside.talks == []


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_status_beyond_2xx_is_a_failure(start: Start, client: Client, status: int) -> None:
    receiver = await start(
        always(b"HTTP/1.1 %d X\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n" % status)
    )

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error) == (status, "http")
    assert outcome.response_headers["retry-after"] == "99999999999"


async def test_cookies_are_not_kept(start: Start, client: Client) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    receiver, transport = await start(always(answer)), client()

    await send(transport, receiver)
    await send(transport, receiver)

    assert b"Cookie" not in b"".join(receiver.talks[0].requests)


async def test_proxy_settings_are_ignored(
    start: Start, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await start(always(OK))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    receiver = await start(always(OK))

    outcome = await send(client(), receiver)

    assert outcome.status == 200
    assert proxy.talks == []


# Kept connections that die


def kept_then(ending: bytes) -> Handler:
    """The first connection dies at its second request, after `ending`; later ones are well."""

    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(OK)
        await talk.request()
        if talk.number == 1:
            talk.say(ending)
            talk.hang_up()
        else:
            talk.say(OK)

    return handler


async def test_kept_connection_that_dies_unanswered_is_replaced_once(
    start: Start, client: Client
) -> None:
    receiver, transport = await start(kept_then(b"")), client()
    await send(transport, receiver)

    outcome = await send(transport, receiver)

    assert (outcome.status, outcome.error) == (200, None)
    assert [len(talk.requests) for talk in receiver.talks] == [2, 1]


async def test_kept_connection_that_dies_within_an_answer_is_not_replaced(
    start: Start, client: Client
) -> None:
    receiver, transport = await start(kept_then(b"HTTP/1.1 2")), client()
    await send(transport, receiver)

    outcome = await send(transport, receiver)

    assert (outcome.status, outcome.error) == (None, "protocol")
    assert len(receiver.talks) == 1


async def test_new_connection_that_dies_unanswered_is_not_repeated(
    start: Start, client: Client
) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.hang_up()

    receiver = await start(handler)

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error) == (None, "protocol")
    assert len(receiver.talks) == 1


async def test_connection_grows_too_old(start: Start, client: Client) -> None:
    receiver, transport = await start(always(OK)), client(connection_age_s_max=0.0)

    await send(transport, receiver)
    await send(transport, receiver)

    assert len(receiver.talks) == 2


async def test_longest_idle_goes_first_when_too_many_are_kept(start: Start, client: Client) -> None:
    transport = client(idle_max=2)
    receivers = [await start(always(OK)) for _ in range(3)]

    for receiver in receivers:
        await send(transport, receiver)
    for receiver in receivers[1:]:
        await send(transport, receiver)

    assert transport.idle_connections == 2
    assert [len(receiver.talks) for receiver in receivers] == [1, 1, 1]


async def test_closed_transport_keeps_nothing(start: Start, client: Client) -> None:
    receiver, transport = await start(always(OK)), client()
    await send(transport, receiver)

    await transport.close()
    outcome = await send(transport, receiver)

    assert outcome.status == 200
    assert transport.idle_connections == 0


# Headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nX-B: b"),
        ("X-A", "a\nb"),
        ("X-A", "a\0"),
        ("X-A", "é"),
        ("X-A", "a" * 4097),
        ("X-A\r\nX-B", "b"),
        ("X A", "b"),
        ("X-A:", "b"),
        ("", "b"),
        ("Xé", "b"),
        ("X" * 129, "b"),
        ("host", "b"),
        ("Content-Length", "0"),
        ("TRANSFER-ENCODING", "chunked"),
        ("Transfer_Encoding", "chunked"),
        ("content_length", "0"),
        ("Connection", "close"),
        ("Accept-Encoding", "gzip"),
        ("Proxy-Authorization", "x"),
        ("Expect", "100-continue"),
    ],
)
async def test_header_that_could_change_the_request_is_refused(
    start: Start, client: Client, name: str, value: str
) -> None:
    receiver = await start(always(OK))

    with pytest.raises(InvalidInput):
        check_header(name, value)
    with pytest.raises(InvalidInput):
        await client().post(f"http://hook.example:{receiver.port}/", [(name, value)], b"", 5)
    assert receiver.talks == []


async def test_no_account_is_given_a_connection_that_another_one_opened(
    start: Start, client: Client
) -> None:
    receiver = await start(always(OK))
    transport = client()
    url = f"http://hook.example:{receiver.port}/"

    for account_id in ("acc_a", "acc_b", "acc_a", "acc_b"):
        outcome = await transport.post(url, [], b"{}", 5, account_id=account_id)
        assert outcome.status == 200

    # Each opened one and then used its own again.
    assert (len(receiver.talks), transport.idle_connections) == (2, 2)
