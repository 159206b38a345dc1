import pytest

from kernel.clock import FixedClock
from tests.support.name_server import NameServer
from tests.support.scripted_receiver import NOON, OK, POLICY, Client, Start, always, send
from webhooks.http.guard import Policy
from webhooks.http.names import SystemResolver
from webhooks.http.transport import Transport


@pytest.mark.parametrize(
    "answer", [["127.0.0.3"], ["127.0.0.1", "10.0.0.1"], ["::1"], ["SERVFAIL"], ["inner.example"]]
)
async def test_forbidden_or_unresolvable_name_gets_no_byte_and_tells_nothing(
    start: Start, client: Client, names: NameServer, answer: list[str]
) -> None:
    receiver = await start(always(OK))
    names.zone = {"hook.example": answer, "inner.example": ["127.0.0.3"]}

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error) == (None, "address")
    assert (outcome.remote_address, outcome.timings_ms) == (None, {})
    assert outcome.response_body == b""
    assert receiver.talks == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.3:{}/", "http://0x7f.3:{}/", "http://[::1]:{}/", "http://localhost:{}/",
        "http://2130706435:{}/", "http://a@127.0.0.1:{}/", "http://①②⑦.0.0.3:{}/", "ftp://127.0.0.1:{}/",
        "http://[::ffff:7f00:1]:{}/",
    ],
)  # fmt: skip
async def test_refused_url_is_an_address_failure(start: Start, client: Client, url: str) -> None:
    receiver = await start(always(OK))

    outcome = await client().post(url.format(receiver.port), [], b"", 5)

    assert (outcome.status, outcome.error) == (None, "address")
    assert receiver.talks == []


async def test_https_alone_is_called_unless_the_policy_of_the_request_says_otherwise(
    start: Start, client: Client
) -> None:
    receiver = await start(always(OK))
    live = Policy.of(allow_cidrs=["127.0.0.1/32"])
    transport = client(policy=live)

    refused = await send(transport, receiver)
    allowed = await transport.post(
        f"http://hook.example:{receiver.port}/", [], b"", 5, policy=POLICY
    )

    assert (refused.error, allowed.status) == ("address", 200)


async def test_name_that_changes_its_mind_is_caught_at_the_next_attempt(
    start: Start, client: Client, names: NameServer
) -> None:
    receiver, transport = await start(always(OK)), client()
    before = await send(transport, receiver)

    names.zone = {"hook.example": ["127.0.0.3"]}
    after = await send(transport, receiver)

    assert (before.status, after.error) == (200, "address")
    assert len(receiver.talks[0].requests) == 1
    assert transport.idle_connections == 0


async def test_kept_connection_is_dropped_when_its_name_moves(
    start: Start, client: Client, names: NameServer
) -> None:
    receiver, transport = await start(always(OK)), client()
    moved = await start(always(OK), host="127.0.0.2", port=receiver.port)
    before = await send(transport, receiver)

    names.zone = {"hook.example": ["127.0.0.2"]}
    after = await send(transport, receiver)

    assert (before.remote_address, after.remote_address) == ("127.0.0.1", "127.0.0.2")
    assert [len(receiver.talks), len(moved.talks)] == [1, 1]
    assert transport.idle_connections == 1


async def test_answer_is_remembered_for_a_moment_only(
    start: Start, client: Client, names: NameServer
) -> None:
    receiver, transport = await start(always(OK)), client(answer_age_s_max=60.0)

    for _ in range(10):
        await send(transport, receiver)

    assert names.asked == ["hook.example", "hook.example"]  # one A, one AAAA


async def test_stricter_policy_does_not_reuse_what_a_laxer_one_opened(
    start: Start, client: Client
) -> None:
    receiver = await start(always(OK))
    transport = client(policy=Policy(allow_private=True))
    url = f"http://hook.example:{receiver.port}/"
    await transport.post(url, [], b"", 5)

    outcome = await transport.post(url, [], b"", 5, policy=Policy(allow_http=True))

    assert outcome.error == "address"
    assert len(receiver.talks[0].requests) == 1


async def test_second_address_is_tried_when_the_first_refuses(
    start: Start, client: Client, names: NameServer
) -> None:
    receiver = await start(always(OK), host="127.0.0.2")
    names.zone = {"hook.example": ["127.0.0.1", "127.0.0.2"]}

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.remote_address) == (200, "127.0.0.2")


async def test_closed_port_is_a_connect_failure(start: Start, client: Client) -> None:
    receiver = await start(always(OK))
    await receiver.stop()

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error) == (None, "connect")
    assert "ConnectionRefusedError" in (outcome.reason or "")


async def test_system_resolver_serves_development(start: Start) -> None:
    receiver = await start(always(OK))
    resolver = SystemResolver()
    transport = Transport(Policy(allow_private=True), resolver, FixedClock(NOON))

    outcome = await transport.post(f"http://localhost:{receiver.port}/", [], b"", 5)

    assert (outcome.status, outcome.remote_address) == (200, "127.0.0.1")
    await transport.close()
    resolver.close()
