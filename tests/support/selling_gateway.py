"""A gateway that sells: Toypay over real HTTP where it has credentials, the sandbox's page elsewhere."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from billing.orders import records as order_list
from billing.orders.order import Order
from billing.proof.audit import audit
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
from billing.providers.protocol import Received
from kernel.clock import FixedClock
from store.database import Transaction
from tests.support import toypay
from tests.support.gateway import Gateway, running, settings_of

TOYPAY = "/payment/webhook/toypay"


@dataclass(slots=True)
class Store:
    """A gateway, Toypay, and an account with its staging key."""

    gateway: Gateway
    server: toypay.Server
    account_id: str
    key: str

    async def post(self, *, key: str | None = None, once: str = "", **body: Any) -> httpx.Response:
        """POST /orders for $20.00 at Toypay unless the body says otherwise."""
        if "pack_id" not in body:
            body.setdefault("amount_cents", 2000)
        headers = {"Idempotency-Key": once} if once else {}
        return await self.gateway.call(
            "POST",
            "/orders",
            key=key or self.key,
            headers=headers,
            json={"provider": "toypay", **body},
        )

    async def order(self, **body: Any) -> dict[str, Any]:
        """The `data` of an order that was made."""
        answer = await self.post(**body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    async def show(self, order_id: str, *, key: str | None = None) -> dict[str, Any]:
        answer = await self.gateway.call("GET", f"/orders/{order_id}", key=key or self.key)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    async def row(self, order_id: str) -> Order:
        """The order as the database has it."""

        async def work(tx: Transaction) -> Order:
            found = await order_list.find(tx, order_id)
            assert found is not None
            return found

        return await self.gateway.context.database.read(work)

    async def tell(self, path: str, said: Received) -> httpx.Response:
        """Sends a notification as its provider would."""
        query = f"?{said.query.decode()}" if said.query else ""
        return await self.gateway.client.request(
            said.method, path + query, headers=list(said.headers.items()), content=said.body
        )

    async def notify(self, kind: str, order_id: str, **changes: Any) -> httpx.Response:
        """An event of Toypay's about the order."""
        return await self.tell(TOYPAY, toypay.event(kind, await self.row(order_id), **changes))

    async def press(self, order: dict[str, Any], outcome: str) -> httpx.Response:
        """A button of the sandbox's page, and the page after it."""
        path = urlsplit(order["url"]).path
        pressed = await self.gateway.client.post(path, data={"outcome": outcome})
        assert pressed.status_code == 303, pressed.text
        return await self.gateway.client.get(pressed.headers["location"])

    async def log(self, order_id: str) -> list[LogEntry]:
        async def work(tx: Transaction) -> list[LogEntry]:
            return list(await provider_event.of_order(tx, order_id))

        return await self.gateway.context.database.read(work)

    async def bought_cents(self) -> int:
        """What the wallet holds beyond its test credit."""
        answer = await self.gateway.call("GET", "/topup/balance", key=self.key)
        return int(answer.json()["data"]["balance_cents"]) - 1_000_000

    async def findings(self) -> list[Any]:
        return [finding async for finding in audit(self.gateway.context.database)]


@contextlib.asynccontextmanager
async def open_store(
    database_url: str, folder: Path, clock: FixedClock, **overrides: Any
) -> AsyncIterator[Store]:
    """Toypay has credentials in both environments; every other provider has its stand-in."""
    async with toypay.serving() as server:
        settings = settings_of(
            database_url,
            folder,
            **{
                "provider_folders": str(toypay.folder_of(folder)),
                **server.settings("staging"),
                **server.settings("live"),
                **overrides,
            },
        )
        async with running(settings, clock) as gateway:
            account_id = await gateway.account(email="me@example.com")
            yield Store(gateway, server, account_id, await gateway.key(account_id))
