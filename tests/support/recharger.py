"""An account in live whose balance Cardpay recharges, and the worker that does it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from billing.credits.adjustment import new_adjustment
from billing.engine.engine import Engine
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.views import OrderLinks
from billing.payments.payments import Payments
from billing.payments.recharging.setting import SetRecharge
from billing.providers.registry import Providers
from billing.recharges import recharge
from billing.recharges.recharge import Recharge
from billing.topups.rules import LinkTokens
from billing.usage.usage import UsageItem, UseCredit
from kernel.clock import FixedClock
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.audit_log import Actor
from store.database import Database
from tests.support.cardpay import CARD, Cardpay, Settings, registration_of
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.plain_http import http_client
from worker.money.provider_calls import Recharger, Reconciler


@dataclass(slots=True)
class Recharging:
    """The live wallet begins empty."""

    account: FundedAccount
    tenant: Tenant
    vendor: Cardpay
    client: httpx.AsyncClient

    def payments(self, database: Database | None = None) -> Payments:
        """Another process's."""
        opened = database or self.account.database
        clock = self.account.clock
        engine = Engine(opened, clock, self.account.engine.rules)
        providers = Providers(
            {"cardpay": registration_of(self.vendor)},
            {("cardpay", "live"): Settings(secret="secret")},
            simulated_secrets={},
            client=self.client,
            clock=clock,
        )
        links = OrderLinks(LinkTokens(bytes(32)), "https://gateway.example")
        return Payments(opened, clock, engine, providers, links)

    def worker(self, database: Database | None = None) -> Recharger:
        """A worker's loop, which looks when it is told to."""
        opened = database or self.account.database
        return Recharger(opened, self.account.clock, self.payments(opened).charging)

    async def set(self, **fields: Any) -> Recharge:
        """Below $5.00 buy $10.00, at most $30.00 a month, unless fields say otherwise."""
        wanted = Recharge(
            **{
                "account_id": self.tenant.account_id,
                "environment": self.tenant.environment,
                "provider": "cardpay",
                "customer_ref": "cus_1",
                "method_ref": CARD.ref,
                "brand": CARD.brand,
                "last4": CARD.last4,
                "below_cents": 500,
                "amount_cents": 1000,
                "monthly_max_cents": 3000,
                "changed_at": 0,
                **fields,
            }
        )
        return await self.account.engine.submit(SetRecharge(wanted))

    async def give(self, cents: int) -> None:
        """Credit of another origin; less than 0 takes it away."""
        await self.account.engine.submit(
            new_adjustment(self.tenant, cents * 10, "test", actor=Actor("cli", "test"))
        )

    async def spend(self, cents: int) -> None:
        await self.account.engine.submit(
            UseCredit(
                usage_id=new_id("usg"),
                tenant=self.tenant,
                lineage=(),
                item=UsageItem("AI chat completion", None, None, cents * 10_000),
            )
        )

    async def work(self, *, seconds: float = 0, database: Database | None = None) -> None:
        """Looks until nothing is due, so many seconds from now."""
        self.account.clock.advance_s(seconds)
        worker = self.worker(database)
        for _ in range(4):
            if not await worker.step():
                break

    async def sweep(self, *, seconds: float = 61) -> None:
        """One look at pending orders, as the reconciler's."""
        self.account.clock.advance_s(seconds)
        await Reconciler(self.account.database, self.account.clock, self.payments()).step()

    async def notify(self, ref: str) -> str:
        """Cardpay tells of a payment."""
        return (await self.payments().notified("cardpay", self.vendor.notification(ref))).outcome

    async def cents(self) -> int:
        """What the wallet holds."""

        async def work(tx: Any) -> int:
            row = await tx.fetch_one(
                """SELECT balance_micros FROM ledger_accounts WHERE account_id = :account_id
                   AND environment = :environment AND kind = 'wallet'""",
                account_id=self.tenant.account_id,
                environment=self.tenant.environment,
            )
            return 0 if row is None else int(row["balance_micros"]) // 10_000

        return await self.account.database.read(work)

    async def orders(self) -> list[Order]:
        """The newest first."""
        return list(
            await self.account.database.read(
                lambda tx: order_list.page(
                    tx, self.tenant, order_list.OrderFilter(), before_id=None, limit=100
                )
            )
        )

    async def setting(self) -> Recharge | None:
        return await self.account.database.read(lambda tx: recharge.find(tx, self.tenant))

    async def told(self) -> list[dict[str, Any]]:
        """What its events said of recharges, the oldest first: the type's end and the data."""
        rows = await self.account.database.read(
            lambda tx: tx.fetch(
                """SELECT type, body FROM events WHERE account_id = :account_id
                   AND type LIKE 'recharge.%' ORDER BY event_no""",
                account_id=self.tenant.account_id,
            )
        )
        return [
            {"type": row["type"].partition(".")[2], **msgspec.json.decode(row["body"])["data"]}
            for row in rows
        ]

    async def findings(self) -> list[Any]:
        return await self.account.findings()


@contextlib.asynccontextmanager
async def open_recharging(database: Database, clock: FixedClock) -> AsyncIterator[Recharging]:
    """A fresh account in live; nothing is set yet."""
    account = await open_funded_account(database, clock)
    async with http_client() as client:
        tenant = Tenant(account.account_id, "live")
        yield Recharging(account, tenant, Cardpay(clock), client)
