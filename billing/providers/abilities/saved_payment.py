"""Keeping a payer's means of payment at the provider, and charging it while the payer is away.

Promise: a charge names the order and is made once for it, however often it is sent with the same
request within CHARGE_KEY_S; `charged` says what became of it without charging. A means of payment is
kept only after the payer agreed to it at the provider's page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import Fact

# For less than the day that providers know a repeated request.
CHARGE_KEY_S: Final = 20 * 3600

DeclineReason = Literal[
    "authentication_required",  # the payer's bank wants to hear from the payer
    "insufficient_funds",
    "try_later",  # the bank or the provider could not decide now
    "card_expired",
    "card_declined",
    "card_removed",  # the provider keeps it no longer
]
# Charging the same means of payment again later may go well.
RETRIED: Final[frozenset[str]] = frozenset({"insufficient_funds", "try_later"})


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """ref: the provider's id; brand and last4 as payers know their card; expires as 2027-04."""

    ref: str
    brand: str
    last4: str
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class SavingRequest:
    """The payer keeps a means of payment without buying; key: of one try to open the page."""

    key: str
    customer_ref: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What is charged; made of the order's rows alone, so that it is the same each time."""

    order_id: str
    customer_ref: str
    method_ref: str
    price: Price
    title: str


@dataclass(frozen=True, slots=True)
class Charged:
    """The provider took the charge on. ref: what `inquire` asks about; facts: what it says of it."""

    ref: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no: nothing was taken, and will not be without the payer. ref: the tried payment."""

    reason: DeclineReason
    ref: str | None = None


@runtime_checkable
class SavedPayments(Protocol):
    """A provider that keeps means of payment; one that cannot has none of this.

    Each call raises ProviderUnavailable (nothing is known) and ProviderRefused.
    """

    async def new_customer(self, key: str, email: str | None) -> str:
        """The provider's id of a new customer; the same one for the same key."""
        ...

    async def save_page(self, request: SavingRequest) -> str:
        """The address where the payer keeps a means of payment."""
        ...

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]:
        """What is kept of this customer, the newest first."""
        ...

    async def forget(self, method_ref: str) -> None:
        """Keeps it no longer; also where it was not kept."""
        ...

    async def charge(self, request: ChargeRequest) -> Charged | Declined:
        """Charges it while the payer is away."""
        ...

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None:
        """What became of the order's charge, made then at the earliest (microseconds); None: none
        was made.
        """
        ...

    async def give_up(self, ref: str) -> bool:
        """Whether that payment can be made by nobody any more; False: it was made meanwhile."""
        ...


@runtime_checkable
class KeepsPayments(Protocol):
    """A provider that has SavedPayments wherever it has credentials: simulated, it has them, too."""

    @property
    def keeps_payments(self) -> bool: ...
