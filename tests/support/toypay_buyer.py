"""Payments of a test: Toypay over real HTTP, and the sandbox in place of the built-in providers."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from billing.engine.engine import Engine
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.place import NewOrder
from billing.orders.views import OrderLinks
from billing.payments.payments import Payments
from billing.payments.review import new_resolution
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
from billing.providers.protocol import ProviderSettings
from billing.providers.registry import Key, Providers, discover
from billing.topups.rules import LinkTokens
from kernel.clock import FixedClock
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction
from tests.support import toypay
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.plain_http import http_client

PUBLIC_URL = "https://gateway.example"


@dataclass(slots=True)
class ToypayBuyer:
    """An account that buys at Toypay; second payments of it are another process's."""

    account: FundedAccount
    server: toypay.Server
    client: httpx.AsyncClient
    folder: Path
    payments: Payments

    def another(self, database: Database | None = None) -> Payments:
        """Another process's payments: an engine of its own on the same database."""
        opened = database or self.account.database
        engine = Engine(opened, self.account.clock, self.account.engine.rules)
        return self._payments(opened, engine)

    async def place(self, payments: Payments | None = None, **fields: Any) -> Order:
        """An order of $20.00 for 20,000 credits, unless fields say otherwise."""
        new = NewOrder(**{"provider": "toypay", "amount_cents": 2000, **fields})
        return await (payments or self.payments).place(self.account.principal.tenant, new)

    async def approve(self, order: Order, amount: int | None = None) -> Order:
        """Credit so much of what waits of the order, and act on what was told of its payment before."""
        command = new_resolution(order.id, order.tenant, "approve", by="ana", amount=amount)
        return await self.payments.approve(command)

    async def reject(self, order: Order, note: str = "") -> Order:
        """End the order without credit."""
        command = new_resolution(order.id, order.tenant, "reject", by="ana", note=note)
        return (await self.account.engine.submit(command)).order

    async def notify(self, kind: str, order: Order, **changes: Any) -> str:
        """The outcome of an event that Toypay signs."""
        heard = await self.payments.notified("toypay", toypay.event(kind, order, **changes))
        return heard.outcome

    async def sweep(self, payments: Payments | None = None) -> int:
        """One look at what is due a minute from now; how many orders there were."""
        self.account.clock.advance_s(60)
        due = await self.account.database.read(
            lambda tx: order_list.DUE.due(tx, now_us=self.account.clock.now_us(), limit=100)
        )
        for order in due:
            await (payments or self.payments).check(order)
        return len(due)

    async def now(self, order: Order) -> Order:
        return await self.account.database.read(
            lambda tx: order_list.get(tx, order.tenant, order.id)
        )

    async def orders(self) -> list[Order]:
        async def work(tx: Transaction) -> list[Order]:
            found = await order_list.page(
                tx,
                self.account.principal.tenant,
                order_list.OrderFilter(),
                before_id=None,
                limit=200,
            )
            return list(found)

        return await self.account.database.read(work)

    async def log(self, order: Order) -> list[LogEntry]:
        return list(
            await self.account.database.read(lambda tx: provider_event.of_order(tx, order.id))
        )

    async def bought_cents(self) -> int:
        """What the wallet holds beyond its test credit."""
        return int((await self.account.balance())["balance_cents"]) - 1_000_000

    def _payments(self, database: Database, engine: Engine) -> Payments:
        registrations = discover(self.folder)
        settings: dict[Key, ProviderSettings] = {}
        for environment in ENVIRONMENTS:
            given: dict[str, Any] = {
                "api_base": self.server.url,
                "key": "toy_key",
                "webhook_secret": toypay.SECRETS[environment],
            }
            settings["toypay", environment] = registrations["toypay"].settings(**given)
        providers = Providers(
            registrations,
            settings,
            simulated_secrets={"stripe": "5a" * 32},
            client=self.client,
            clock=self.account.clock,
        )
        links = OrderLinks(LinkTokens(bytes(32)), PUBLIC_URL)
        return Payments(database, self.account.clock, engine, providers, links)


@contextlib.asynccontextmanager
async def open_toypay_buyer(
    database: Database, clock: FixedClock, folder: Path
) -> AsyncIterator[ToypayBuyer]:
    """A fresh account; folder is where the provider's file goes."""
    account = await open_funded_account(database, clock)
    async with toypay.serving() as server, http_client() as client:
        buyer = ToypayBuyer(account, server, client, toypay.folder_of(folder), payments=None)  # type: ignore[arg-type]
        buyer.payments = buyer._payments(database, account.engine)
        yield buyer
