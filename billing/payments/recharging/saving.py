"""List, save and remove payment methods at the providers that store them.

No transaction is open during a call. A method is charged or removed only if the provider lists it for the account.
"""

from collections.abc import Sequence

from billing.payments.checkout import check_return_url
from billing.payments.sandbox.checkout import SandboxCards, sandbox_customer
from billing.providers.abilities import (
    SavedMethod,
    SavedPayments,
    SavesPayments,
    SavingRequest,
    ability,
)
from billing.providers.registry import Providers
from billing.subscriptions import records as subscription_rows
from kernel.clock import Clock
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import email_of
from keys.principal import environment_of
from store.database import Database


async def find_customer(database: Database, tenant: Tenant, provider: str) -> str | None:
    return await database.read(lambda tx: subscription_rows.find_customer(tx, tenant, provider))


async def customer_of(
    database: Database, clock: Clock, saved: SavedPayments, tenant: Tenant, provider: str
) -> str:
    """Return the account's customer ID, creating a customer if needed. Simultaneous calls create only one."""
    known = await find_customer(database, tenant, provider)
    if known is not None:
        return known
    email = await database.read(lambda tx: email_of(tx, tenant.account_id))
    key = f"{tenant.account_id}/{tenant.environment}"
    made = await saved.new_customer(key, email)
    now_us = clock.now_us()
    return await database.transaction(
        lambda tx: subscription_rows.save_first_customer(
            tx, tenant, provider, made, gone=None, now_us=now_us
        )
    )


class Savings:
    def __init__(
        self, database: Database, clock: Clock, providers: Providers, public_url: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._providers = providers
        self._public_url = public_url

    def offered(self, tenant: Tenant) -> list[str]:
        environment = environment_of(tenant.environment)
        return [
            name
            for name in self._providers.offered(environment)
            if self.of(tenant, name, is_simulated=self.is_simulated(tenant, name)) is not None
        ]

    def is_simulated(self, tenant: Tenant, provider: str) -> bool:
        environment = environment_of(tenant.environment)
        return self._providers.is_simulated(provider, environment)

    def of(self, tenant: Tenant, provider: str, *, is_simulated: bool) -> SavedPayments | None:
        environment = environment_of(tenant.environment)
        found = self._providers.of(provider, environment)
        if found is None or self._providers.is_simulated(provider, environment) is not is_simulated:
            return None
        if not is_simulated:
            return ability(found, SavedPayments)  # type: ignore[type-abstract]
        if not isinstance(found, SavesPayments) or not found.keeps_payments:
            return None
        return SandboxCards(tenant, provider, self._database, self._clock, self._public_url)

    async def page(self, tenant: Tenant, provider: str, *, back_url: str) -> str:
        check_return_url(back_url, param="return_url")
        saved = self._required(tenant, provider)
        customer_ref = await self.new_customer_ref(tenant, provider)
        key = f"{tenant.account_id}/{tenant.environment}/{new_id('sav')}"
        return await saved.save_page(SavingRequest(key, customer_ref, back_url, back_url))

    async def methods(self, tenant: Tenant, provider: str) -> Sequence[SavedMethod]:
        saved = self._required(tenant, provider)
        customer_ref = await self.customer_ref(tenant, provider)
        return () if customer_ref is None else await saved.saved(customer_ref)

    async def new_customer_ref(self, tenant: Tenant, provider: str) -> str:
        saved = self._required(tenant, provider)
        if self.is_simulated(tenant, provider):
            return sandbox_customer(tenant)
        return await customer_of(self._database, self._clock, saved, tenant, provider)

    async def customer_ref(self, tenant: Tenant, provider: str) -> str | None:
        if self.is_simulated(tenant, provider):
            return sandbox_customer(tenant)
        return await find_customer(self._database, tenant, provider)

    async def forget(self, tenant: Tenant, provider: str, method_ref: str) -> None:
        if all(one.ref != method_ref for one in await self.methods(tenant, provider)):
            raise NotFound("Payment method", param="id")
        await self._required(tenant, provider).forget(method_ref)

    def _required(self, tenant: Tenant, provider: str) -> SavedPayments:
        is_simulated = self.is_simulated(tenant, provider)
        found = self.of(tenant, provider, is_simulated=is_simulated)
        if found is None:
            listed = ", ".join(self.offered(tenant)) or "no provider here"
            raise InvalidInput(
                f"These providers store payment methods: {listed}.", param="provider"
            )
        return found
