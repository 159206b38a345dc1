"""What every test of an outgoing request starts from: a receiver, a name server, a client."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.name_server import NameServer, loopback_resolver
from tests.support.scripted_receiver import NOON, POLICY, Client, Handler, ScriptedReceiver, Start
from webhooks.http.transport import Transport


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    running: list[ScriptedReceiver] = []

    async def begin(
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> ScriptedReceiver:
        receiver = ScriptedReceiver(handler)
        await receiver.start(host, port, ssl_context)
        running.append(receiver)
        return receiver

    yield begin
    for receiver in running:
        await receiver.stop()


@pytest_asyncio.fixture
async def names() -> AsyncIterator[NameServer]:
    server = NameServer()
    server.zone = {"hook.example": ["127.0.0.1"]}
    await server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def client(names: NameServer) -> AsyncIterator[Client]:
    made: list[Transport] = []

    def make(**options: object) -> Transport:
        # Answers are not remembered here, so that each attempt asks the name server.
        defaults: dict[str, object] = {"answer_age_s_max": 0.0, "policy": POLICY} | options
        policy = defaults.pop("policy")
        transport = Transport(policy, loopback_resolver(names), FixedClock(NOON), **defaults)  # type: ignore[arg-type]
        made.append(transport)
        return transport

    yield make
    for transport in made:
        await transport.close()
    await asyncio.sleep(0)
