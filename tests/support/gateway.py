"""A gateway of a test: the app over real HTTP on a loopback socket, and a client that speaks to it.

Promise: nothing of ours is replaced, the connections neither. The server runs in the test's own loop, on a free port.
"""

import asyncio
import contextlib
import functools
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from billing.credits.opening import open_account
from billing.fulfilment.opening import name_wallet
from gateway.app import create_app
from gateway.http.serve import config_of
from kernel.clock import Clock
from keys.api_keys import api_key
from keys.api_keys.fields import NewKey
from keys.principal import ACCOUNT_SCOPES, Environment
from keys.tokens import access_token
from runtime.context import Context, open_context
from runtime.settings import PREFIX, Settings, load_settings
from store.database import Transaction
from tests.support.openapi_check import check
from tests.support.plain_http import ANSWER_S_MAX

API = "/api/public/v1"
# Reading the system's certificates takes longer than most tests, and no test client needs them.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PAUSE_S = 0.002
# No Redis listens there: the limiter works per process and wake-ups are dropped.
NO_REDIS = "unix:///nonexistent/redis.sock"
_COMMON: Mapping[str, Any] = {
    "redis_url": SecretStr(NO_REDIS),
    "secret_key": SecretStr("5a" * 32),
    "rate_limit_per_s": 0,
    # The machine of the tests may have little room.
    "staging_reserve_mb": 0,
    "webhook_allow_private": True,
}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = asyncio.Event()
        self.is_over = asyncio.Event()

    async def main_loop(self) -> None:
        # uvicorn's own looks ten times a second whether it should end.
        await self.on_tick(0)
        await self.is_over.wait()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn's own waits for a tenth of a second, though nobody is connected any more.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 uvicorn tells nobody
            await asyncio.sleep(PAUSE_S)
        for server in self.servers:
            await server.wait_closed()


@dataclass(frozen=True, slots=True)
class Gateway:
    """One running gateway: its parts, its address and a client without a credential."""

    context: Context
    url: str
    client: httpx.AsyncClient

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> httpx.Response:
        """A request below /api/public/v1, with the key as its credential.

        Fails where the answer is not as the OpenAPI document says.
        """
        given = dict(headers or {})
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        answer = await self.client.request(method, API + path, headers=given, **arguments)
        check(answer)
        return answer

    async def account(
        self, *, email: str | None = None, is_sandbox: bool = False, has_live: bool = True
    ) -> str:
        """A new account; its staging wallet holds $10,000.00. Without has_live, live is closed as after a
        sign-up.
        """

        async def work(tx: Transaction) -> str:
            now_us = self.context.clock.now_us()
            return await open_account(
                tx,
                name="Test",
                email=email,
                now_us=now_us,
                is_sandbox=is_sandbox,
                has_live=has_live,
            )

        return await self.context.database.transaction(work)

    async def key(
        self, account_id: str, environment: Environment = "staging", **fields: Any
    ) -> str:
        """A parentless key's secret; all scopes of an account unless named."""
        new = NewKey(**{"name": "Test", "scopes": ACCOUNT_SCOPES, **fields})

        async def work(tx: Transaction) -> str:
            _, secret = await api_key.mint(
                tx,
                account_id=account_id,
                environment=environment,
                parent=None,
                new=new,
                now_us=self.context.clock.now_us(),
            )
            return secret

        return await self.context.database.transaction(work)

    async def system_token(self, account_id: str) -> str:
        async def work(tx: Transaction) -> str:
            _, secret = await access_token.create(
                tx,
                kind="system",
                account_id=account_id,
                environment="staging",
                name="Test",
                maker=None,
                now_us=self.context.clock.now_us(),
            )
            return secret

        return await self.context.database.transaction(work)


def settings_of(database_url: str, data_dir: Path, **overrides: Any) -> Settings:
    """Settings of a test gateway; the rate limit is off unless given."""
    of_one_test = {"database_url": SecretStr(database_url), "data_dir": data_dir}
    environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith(PREFIX)))
    try:
        read = _settings(Path.cwd(), environment, tuple(overrides.items()))
    except TypeError:
        # A list among them; or one that names what is of one test.
        return load_settings(**{**_COMMON, **of_one_test, **overrides})
    return read.model_copy(update=of_one_test)


@functools.cache
def _settings(
    _folder: Path, _environment: tuple[tuple[str, str], ...], overrides: tuple[tuple[str, Any], ...]
) -> Settings:
    """Read once for what they are read from: it takes longer than many a test."""
    return load_settings(**{**_COMMON, **dict(overrides)})


async def supply_live(context: Context) -> None:
    """As an operator's first act: `wallet` supplies whatever has no supplier in live."""

    async def work(tx: Transaction) -> None:
        await name_wallet(tx, "live", now_us=context.clock.now_us())

    await context.database.transaction(work)
    await context.suppliers.refresh()


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    clock: Clock | None = None,
    make_app: Callable[[Context], ASGIApp] = create_app,
) -> AsyncIterator[Gateway]:
    """A gateway that answers until the block ends."""
    async with open_context(settings, clock=clock) as context:
        await supply_live(context)
        # asyncio turns Nagle's delay off only where the protocol is named.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = _Server(config_of(make_app(context)))
        # Signals belong to the test runner.
        serving = asyncio.create_task(server._serve([listener]))
        await server.is_ready.wait()
        try:
            async with httpx.AsyncClient(
                base_url=url, verify=NO_TLS, trust_env=False, timeout=ANSWER_S_MAX
            ) as client:
                yield Gateway(context, url, client)
        finally:
            server.is_over.set()
            await serving
            listener.close()
