"""A provider that can check its own setup without changing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import Interval


@dataclass(frozen=True, slots=True)
class WantedPrice:
    """A plan as it is sold here; ref: the provider's price or product."""

    plan_id: str
    interval: Interval
    ref: str
    price: Price


@dataclass(frozen=True, slots=True)
class WantedSetup:
    """notify_url: where notifications arrive; empty: PUBLIC_URL isn't set."""

    is_live: bool
    notify_url: str
    prices: Sequence[WantedPrice] = ()

    def setting(self, name: str) -> str:
        """Return the variable of one of the provider's settings, such as STRIPE_SECRET_KEY."""
        provider, _, field = name.partition("_")
        return f"TOPUP_{provider}_{'' if self.is_live else 'STAGING_'}{field}"


@dataclass(frozen=True, slots=True)
class SetupFinding:
    """is_well null: it couldn't be checked, or may be intended. detail: what to do, without a secret."""

    about: str
    is_well: bool | None
    detail: str


@runtime_checkable
class SetupChecking(Protocol):
    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]: ...


def price_finding(wanted: WantedPrice, problems: Sequence[str]) -> SetupFinding:
    about = f"plan {wanted.plan_id}, {wanted.interval}"
    if problems:
        return SetupFinding(about, False, f"{wanted.ref}: {'; '.join(problems)}")
    return SetupFinding(about, True, f"{wanted.ref} is sold at the plan's price")
