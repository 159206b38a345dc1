"""Directories of agents are fetched after the request that named them: rarely, carefully, and for callers
with a credential alone.
"""

import dataclasses
import json
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from kernel.clock import SECOND_US, FixedClock
from keys.principal import Principal
from keys.signatures.web_bot_auth import Target, thumbprint
from runtime.agents import (
    FAILURE_S,
    PER_HOUR_MAX,
    SANDBOX_PER_HOUR_MAX,
    SANDBOXES_PER_HOUR_MAX,
    STALE_S,
    Agents,
)
from store.database import Database
from tests.support.agent_signing import SignedAgent
from tests.support.authority import Authority
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

pytestmark = pytest.mark.one_database

CALLER = Principal(
    account_id="acc_1",
    environment="staging",
    kind="key",
    credential_id="key_1",
    key_id="key_1",
    lineage=("key_1",),
    scopes=frozenset(),
    ip_allow_lists=(),
    expires_at=None,
    is_sandbox=False,
    approval_threshold_cents=None,
    account_email=None,
)
Opened = Callable[..., Agents]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def served(authority: Authority) -> ssl.SSLContext:
    return authority.server_context("hook.example", "127.0.0.1")


@pytest.fixture
def own_clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def agents(
    client: Client, authority: Authority, database: Database, own_clock: FixedClock
) -> Opened:
    def make(**options: Any) -> Agents:
        transport = client(ssl_context=authority.client_context(), **options)
        return Agents(transport, database, own_clock)

    return make


def directory(*signers: SignedAgent, status: str = "200 OK", more: str = "") -> Handler:
    body = json.dumps({"keys": [one.jwk for one in signers]}).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return always(head.encode() + body)


def signed(agent: SignedAgent, clock: FixedClock, **params: Any) -> Target:
    now_s = clock.now_us() // SECOND_US
    plain = Target("GET", "https", "topup.example", "/", "", {})
    return agent.sign(plain, '"@authority"', created=now_s, expires=now_s + 60, **params)


async def hanging(talk: Talk) -> None:
    await talk.request()
    await talk.reader.read()


async def flooding(talk: Talk) -> None:
    await talk.request()
    talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    await talk.flood(b" ")


def requests_to(receiver: ScriptedReceiver) -> int:
    return sum(len(talk.requests) for talk in receiver.talks)


def agent_at(receiver: ScriptedReceiver, path: str = "keys") -> SignedAgent:
    return SignedAgent(f"https://hook.example:{receiver.port}/{path}")


async def test_the_request_after_the_fetch_is_named(
    start: Start, agents: Opened, served: ssl.SSLContext, own_clock: FixedClock
) -> None:
    known = agents()
    signer = SignedAgent()
    receiver = await start(directory(signer), ssl_context=served)
    signer.url = agent_at(receiver).url
    first = known.caller_of(signed(signer, own_clock), CALLER)
    await known.flush()
    second = known.caller_of(signed(signer, own_clock), CALLER)
    stranger = known.caller_of(signed(signer, own_clock), None)
    forged = SignedAgent(signer.url)

    assert first is None
    assert second == stranger == signer.url
    assert known.caller_of(signed(forged, own_clock), CALLER) is None
    assert requests_to(receiver) == 1
    await known.close()


async def test_a_stranger_has_nothing_fetched(
    start: Start, agents: Opened, served: ssl.SSLContext, own_clock: FixedClock
) -> None:
    known = agents()
    signer = SignedAgent()
    receiver = await start(directory(signer), ssl_context=served)
    signer.url = agent_at(receiver).url
    for _ in range(3):
        assert known.caller_of(signed(signer, own_clock), None) is None
    await known.flush()

    assert requests_to(receiver) == 0


async def test_an_account_has_only_so_many_fetched_in_an_hour(
    start: Start, agents: Opened, served: ssl.SSLContext, own_clock: FixedClock
) -> None:
    known = agents()
    receiver = await start(directory(SignedAgent()), ssl_context=served)
    for number in range(PER_HOUR_MAX + 5):
        known.caller_of(signed(agent_at(receiver, f"{number}"), own_clock), CALLER)
        await known.flush()
    used = requests_to(receiver)
    sandbox = dataclasses.replace(CALLER, account_id="acc_2", is_sandbox=True)
    for number in range(5):
        known.caller_of(signed(agent_at(receiver, f"s{number}"), own_clock), sandbox)
        await known.flush()

    assert used == PER_HOUR_MAX
    assert requests_to(receiver) - used == 2


async def test_a_directory_without_a_key_is_not_fetched_for_ever(
    start: Start, agents: Opened, served: ssl.SSLContext, own_clock: FixedClock
) -> None:
    known = agents()
    for handler in (
        directory(status="404 Not Found"),
        directory(more="Cache-Control: max-age=1\r\n"),
    ):
        receiver = await start(handler, ssl_context=served)
        sandbox = dataclasses.replace(CALLER, account_id=f"{receiver.port}", is_sandbox=True)
        for _ in range(6):
            known.caller_of(signed(agent_at(receiver), own_clock), sandbox)
            await known.flush()
            own_clock.advance_s(FAILURE_S + 1)

        assert requests_to(receiver) == SANDBOX_PER_HOUR_MAX


async def test_sandboxes_leave_room_for_accounts(
    start: Start, agents: Opened, served: ssl.SSLContext, own_clock: FixedClock
) -> None:
    known = agents()
    receiver = await start(directory(status="404 Not Found"), ssl_context=served)
    for number in range(SANDBOXES_PER_HOUR_MAX + 1):
        sandbox = dataclasses.replace(CALLER, account_id=f"acc_s{number}", is_sandbox=True)
        known.caller_of(signed(agent_at(receiver, f"s{number}"), own_clock), sandbox)
        await known.flush()
    of_sandboxes = requests_to(receiver)
    known.caller_of(signed(agent_at(receiver), own_clock), CALLER)
    await known.flush()

    assert of_sandboxes == SANDBOXES_PER_HOUR_MAX
    assert requests_to(receiver) == SANDBOXES_PER_HOUR_MAX + 1


@pytest.mark.parametrize(
    "handler",
    [
        directory(status="404 Not Found"),
        directory(status="302 Found", more="Location: https://hook.example/other\r\n"),
        always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"),
        always(b"nonsense\r\n\r\n"),
        flooding,
    ],
)
async def test_a_failure_is_remembered_and_takes_no_key(
    start: Start,
    agents: Opened,
    served: ssl.SSLContext,
    own_clock: FixedClock,
    handler: Handler,
) -> None:
    known = agents()
    receiver = await start(handler, ssl_context=served)
    signer = agent_at(receiver)
    for _ in range(3):
        assert known.caller_of(signed(signer, own_clock), CALLER) is None
        await known.flush()
    assert requests_to(receiver) == 1

    signer.url = agent_at(receiver, "known").url
    known.store(signer.url, {}, fresh_s=0)
    known.store(signer.url, {_name(signer): signer.public}, fresh_s=0)
    assert known.caller_of(signed(signer, own_clock), CALLER) == signer.url
    await known.flush()
    assert known.caller_of(signed(signer, own_clock), CALLER) == signer.url
    own_clock.advance_s(FAILURE_S + STALE_S)
    assert known.caller_of(signed(signer, own_clock), None) is None


async def test_a_key_that_was_removed_names_nobody(
    start: Start, agents: Opened, served: ssl.SSLContext, own_clock: FixedClock
) -> None:
    known = agents()
    receiver = await start(directory(SignedAgent()), ssl_context=served)
    signer = agent_at(receiver)
    known.store(signer.url, {_name(signer): signer.public}, fresh_s=0)

    assert known.caller_of(signed(signer, own_clock), CALLER) == signer.url
    await known.flush()
    assert known.caller_of(signed(signer, own_clock), CALLER) is None


async def test_no_request_waits_for_a_directory_that_hangs(
    start: Start, agents: Opened, served: ssl.SSLContext, own_clock: FixedClock
) -> None:
    known = agents()
    receiver = await start(hanging, ssl_context=served)
    # Nothing is awaited, so nothing can wait.
    assert known.caller_of(signed(agent_at(receiver), own_clock), CALLER) is None
    await known.close()


async def test_a_guarded_address_is_not_called(
    start: Start,
    agents: Opened,
    served: ssl.SSLContext,
    own_clock: FixedClock,
) -> None:
    known = agents(policy=Policy())
    receiver = await start(directory(SignedAgent()), ssl_context=served)
    known.caller_of(signed(agent_at(receiver), own_clock), CALLER)
    await known.flush()

    assert receiver.talks == []


async def test_a_nonce_names_its_caller_once(agents: Opened, own_clock: FixedClock) -> None:
    known, signer = agents(), SignedAgent()
    known.store(signer.url, {_name(signer): signer.public}, fresh_s=60)
    once = signed(signer, own_clock, nonce='"n1"')
    again = signed(signer, own_clock)

    assert [known.caller_of(once, CALLER) for _ in range(2)] == [signer.url, None]
    assert [known.caller_of(again, CALLER) for _ in range(2)] == [signer.url] * 2


def _name(signer: SignedAgent) -> str:
    return thumbprint(signer.public)
