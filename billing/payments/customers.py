"""One customer at a provider for each account and environment.

It is made once and named by every checkout and invoice, so that portal, tax and history belong together. Two
simultaneous first orders make one, by the provider's idempotency key and our primary key. A deleted one is
made again. The order's row names it before its checkout opens.
"""

from dataclasses import dataclass

from billing.engine.batch_state import BatchState
from billing.engine.engine import Engine
from billing.orders.order import Order, amend
from billing.orders.reversal import OnOrder, OrderResult
from billing.orders.working_set import OrderWorkingSet
from billing.providers.abilities.customers import CustomerRequest, Customers
from billing.providers.abilities.finding import ability
from billing.subscriptions import records as subscription_rows
from kernel.clock import Clock
from store.database import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class NameCustomer(OnOrder):
    """Names the order's customer unless it has another; gone: one that no longer exists."""

    customer_ref: str
    gone: str | None = None
    notification: None = None

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        if order.customer_ref not in {None, self.gone}:
            return OrderResult(order, "repeated")
        named = amend(order, customer_ref=self.customer_ref)
        state.working_set(OrderWorkingSet).change(named)
        return OrderResult(named, "applied")


class CustomerBook:
    def __init__(self, database: Database, clock: Clock, engine: Engine) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine

    async def named(self, order: Order, provider: object, *, gone: str | None = None) -> Order:
        """Return the order with its customer, if the provider has such; gone: make a new one. Raises
        ProviderUnavailable and ProviderRefused.
        """
        maker = ability(provider, Customers)  # type: ignore[type-abstract, arg-type]
        if maker is None or (order.customer_ref is not None and gone is None):
            return order
        ref = await self._known(order, gone) or await self._made(order, maker, gone)
        command = NameCustomer(order_id=order.id, tenant=order.tenant, customer_ref=ref, gone=gone)
        return (await self._engine.submit(command)).order

    async def _known(self, order: Order, gone: str | None) -> str | None:
        known = await self._database.read(
            lambda tx: subscription_rows.find_customer(tx, order.tenant, order.provider)
        )
        return None if known == gone else known

    async def _made(self, order: Order, maker: Customers, gone: str | None) -> str:
        async def email_of(tx: Transaction) -> str | None:
            row = await tx.fetch_one(
                "SELECT email FROM accounts WHERE id = :id", id=order.account_id
            )
            return None if row is None else row["email"]

        request = CustomerRequest(
            key="/".join(("customer", *order.tenant, gone or "first")),
            account_id=order.account_id,
            environment=order.environment,
            email=await self._database.read(email_of),
        )
        made, now_us = await maker.make_customer(request), self._clock.now_us()
        return await self._database.transaction(
            lambda tx: subscription_rows.keep_first_customer(
                tx, order.tenant, order.provider, made, gone=gone, now_us=now_us
            )
        )
