"""Orders at the engine: what the tests of buying credit start from."""

import itertools
from dataclasses import dataclass, field
from typing import Any, Literal

from billing.catalog.coupon import Coupon, create as create_coupon, new_coupon
from billing.engine.engine import Engine
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.place import NewOrder, Placed
from billing.orders.refund import RefundKind, Reversed
from billing.orders.reversal import OrderResult, ReverseOrder
from billing.orders.settlement import AttachCheckout, Checked, EndUnpaid, NoteCheck, SettlePaid
from billing.payments import disputes
from billing.payments.review import Verdict, new_resolution
from billing.providers.event_log import LogEntry, NotificationRef, of_order
from billing.providers.protocol import DisputeClosed, Disputed, Refunded, RefundFailed, Subject
from billing.subscriptions.place import new_place
from billing.usage.usage import UsageItem, UseCredit
from kernel.clock import FixedClock
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account


@dataclass(slots=True)
class Buyer:
    """An account that buys credit in staging at the provider "stripe"."""

    account: FundedAccount
    tenant: Tenant
    engine: Engine
    _events: Any = field(default_factory=lambda: itertools.count(1))

    async def place(self, **fields: Any) -> Placed:
        """An order of the Pro Pack, $20.00 for 25,000 credits, unless fields say otherwise."""
        if not fields.keys() & {"pack_id", "amount_cents", "plan"}:
            fields["pack_id"] = "pack_pro"
        new = NewOrder(**{"provider": "stripe", **fields})
        return await self.engine.submit(new_place(self.tenant, new))

    async def order(self, **fields: Any) -> Order:
        return (await self.place(**fields)).order

    def notification(
        self, *, event: str | None = None, provider: str = "stripe"
    ) -> NotificationRef:
        """A notification; a fresh one without a name."""
        return NotificationRef(
            provider, self.tenant.environment, event or f"evt_{next(self._events)}", "test"
        )

    async def attach(self, order: Order, **fields: Any) -> OrderResult:
        fields = {"url": "https://pay.example/1", "provider_ref": f"cs_{order.id}", **fields}
        return await self._on(AttachCheckout, order, notification=None, **fields)

    async def pay(
        self,
        order: Order,
        payment: str = "pi_1",
        *,
        price: Price | None = None,
        notification: NotificationRef | None = None,
        **fields: Any,
    ) -> OrderResult:
        return await self._on(
            SettlePaid,
            order,
            notification=notification or self.notification(),
            payment_id=payment,
            price=price or order.price,
            **fields,
        )

    async def end(self, order: Order, status: Literal["failed", "expired"]) -> OrderResult:
        return await self._on(EndUnpaid, order, notification=self.notification(), status=status)

    async def refund(
        self,
        order: Order,
        amount: int,
        *,
        key: str = "re_1",
        currency: str = "USD",
        kind: Any = "refund",
    ) -> OrderResult:
        return await self._reverse(order, kind, key, Price(amount, currency))

    async def dispute(self, order: Order, amount: int, *, key: str = "dp_1") -> OrderResult:
        return await self._reverse(order, "dispute", key, Price(amount, order.pay_currency))

    async def close_dispute(self, order: Order, *, is_won: bool, key: str = "dp_1") -> OrderResult:
        return await self._hear(order, DisputeClosed(Subject(), key, is_won=is_won))

    async def check(self, order: Order) -> Checked:
        return await self.engine.submit(NoteCheck(order.id, order.tenant, order.checks_made))

    async def fail_refund(
        self, order: Order, amount: int, *, key: str = "re_1", kind: Any = "refund"
    ) -> OrderResult:
        price = Price(amount, order.payment.currency)
        return await self._hear(order, RefundFailed(Subject(), key, price, is_part=kind == "part"))

    async def resolve(
        self,
        order: Order,
        verdict: Verdict,
        *,
        amount: int | None = None,
        says_amount: bool = True,
    ) -> OrderResult:
        """amount: what counts as paid; the whole price unless it says otherwise."""
        is_whole = amount is None and says_amount and verdict == "approve"
        counts = order.pay_amount if is_whole else amount
        return await self.engine.submit(
            new_resolution(order.id, order.tenant, verdict, by="ana", amount=counts)
        )

    async def coupon(self, code: str = "SUMMER", **fields: Any) -> Coupon:
        """A coupon of staging; a quarter off unless fields say otherwise."""
        if "amount_off" not in fields:
            fields.setdefault("percent", 25)
        made = new_coupon(
            self.tenant.environment, code, now_us=self.account.clock.now_us(), **fields
        )
        return await self.account.database.transaction(lambda tx: create_coupon(tx, made))

    async def now(self, order: Order) -> Order:
        """The order as it is stored."""
        return await self.account.database.read(
            lambda tx: order_list.get(tx, order.tenant, order.id)
        )

    async def log(self, order: Order) -> list[LogEntry]:
        async def work(tx: Transaction) -> list[LogEntry]:
            return list(await of_order(tx, order.id))

        return await self.account.database.read(work)

    async def spend(self, micros: int) -> None:
        """Uses credit up, promotional first."""
        await self.engine.submit(
            UseCredit(
                usage_id=new_id("usg"),
                tenant=self.tenant,
                lineage=(),
                item=UsageItem("AI chat completion", None, None, micros),
            )
        )

    async def micros(self) -> dict[str, int]:
        """Balances of the tenant's ledger accounts that hold something, by kind."""

        async def work(tx: Transaction) -> dict[str, int]:
            rows = await tx.fetch(
                """SELECT kind, SUM(balance_micros) AS held FROM ledger_accounts
                   WHERE account_id = :account_id AND environment = :environment
                   GROUP BY kind HAVING SUM(balance_micros) <> 0""",
                account_id=self.tenant.account_id,
                environment=self.tenant.environment,
            )
            return {row["kind"]: int(row["held"]) for row in rows}

        return await self.account.database.read(work)

    async def _reverse(self, order: Order, kind: RefundKind, key: str, price: Price) -> OrderResult:
        if kind == "dispute":
            return await self._hear(order, Disputed(Subject(), key, price))
        return await self._hear(order, Refunded(Subject(), key, price, is_part=kind == "part"))

    async def _hear(self, order: Order, fact: Reversed) -> OrderResult:
        notification = self.notification()
        heard = await self._on(ReverseOrder, order, notification=notification, fact=fact)
        if isinstance(fact, Disputed | DisputeClosed):
            owner, now_us = (order.account_id, order.id), self.account.clock.now_us()
            await self.account.database.transaction(
                lambda tx: disputes.save(tx, notification, fact, owner, now_us=now_us)
            )
        return heard

    async def _on(self, command: Any, order: Order, **fields: Any) -> OrderResult:
        made = command(order_id=order.id, tenant=order.tenant, **fields)
        settled: OrderResult = await self.engine.submit(made)
        return settled


async def open_buyer(
    database: Database, clock: FixedClock, *, email: str = "acme@example.com"
) -> Buyer:
    """A fresh account with $10,000.00 of test credit in staging."""
    account = await open_funded_account(database, clock, email=email)
    return Buyer(account, account.principal.tenant, account.engine)


async def open_live_counter(database: Database, clock: FixedClock) -> Buyer:
    """The same in live, where the wallet is empty and promotional credit cannot be sent."""
    account = await open_funded_account(database, clock)
    return Buyer(account, Tenant(account.account_id, "live"), account.engine)
