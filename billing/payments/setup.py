"""How the payment providers are set up: which are there, and what each says of its settings.

Nothing is changed at a provider, no finding has a secret, and a hanging one is waited for SETUP_S_MAX at
most.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, Plan, item_of
from billing.payments.payments import Payments
from billing.providers.abilities.finding import ability
from billing.providers.abilities.setup_check import (
    SetupChecking,
    SetupFinding,
    WantedPrice,
    WantedSetup,
)
from billing.providers.protocol import (
    ProviderRefused,
    ProviderUnavailable,
    Registration,
)
from billing.providers.registry import Providers
from kernel.errors import InvalidInput
from keys.principal import ENVIRONMENTS, Environment
from store.database import Database, Transaction

SETUP_S_MAX: Final = 30.0
ProviderState = Literal["ready", "sandbox", "off"]


@dataclass(frozen=True, slots=True)
class ProviderStanding:
    """state: ready, sandbox (simulated), or off."""

    name: str
    label: str
    environment: Environment
    state: ProviderState
    notify_url: str


@dataclass(frozen=True, slots=True)
class CheckedProvider:
    """The findings of one provider; none if it can't be called."""

    standing: ProviderStanding
    findings: Sequence[SetupFinding]

    @property
    def is_well(self) -> bool:
        """Return whether nothing is wrong; what couldn't be checked counts as well."""
        return all(one.is_well is not False for one in self.findings)


def standings(known: Providers, public_url: str) -> Sequence[ProviderStanding]:
    found: list[ProviderStanding] = []
    for registration in known.registrations:
        for environment in ENVIRONMENTS:
            name = registration.name
            state: ProviderState = "ready"
            if known.of(name, environment) is None:
                state = "off"
            elif known.is_simulated(name, environment):
                state = "sandbox"
            url = f"{public_url}{registration.paths[0]}" if public_url else ""
            found.append(ProviderStanding(name, known.label(name), environment, state, url))
    return found


async def check(
    database: Database, payments: Payments, standing: ProviderStanding
) -> CheckedProvider:
    """Return what the provider says; never raise for it. Raises StoreError."""
    registration = payments.providers.registration(standing.name)
    provider = payments.providers.of(standing.name, standing.environment)
    if standing.state != "ready" or provider is None or registration is None:
        return CheckedProvider(standing, ())
    checking = ability(provider, SetupChecking)  # type: ignore[type-abstract]
    if checking is None:
        detail = f"{standing.label} cannot be asked about its settings; its credentials are there"
        return CheckedProvider(standing, (SetupFinding("settings", None, detail),))
    prices = await _prices(database, registration, standing.environment)
    wanted = WantedSetup(standing.environment == "live", standing.notify_url, prices)
    try:
        async with asyncio.timeout(SETUP_S_MAX):
            return CheckedProvider(standing, await checking.check_setup(wanted))
    except (ProviderUnavailable, TimeoutError):
        detail = f"{standing.label} does not answer now; try again in a moment"
        return CheckedProvider(standing, (SetupFinding("answer", False, detail),))
    except ProviderRefused as error:
        return CheckedProvider(standing, (SetupFinding("answer", False, error.detail),))


async def _prices(
    database: Database, registration: Registration, environment: Environment
) -> Sequence[WantedPrice]:
    async def work(tx: Transaction) -> Sequence[Plan]:
        return await plans.list_plans(tx, environment)

    found: list[WantedPrice] = []
    for plan in await database.read(work):
        for interval in MONTHS:
            try:
                item = item_of(plan, registration, interval, is_simulated=False)
            except InvalidInput:
                # It isn't sold there for so long.
                continue
            if item.product_ref is not None:
                found.append(WantedPrice(plan.id, interval, item.product_ref, item.price))
    return found
