"""Save a payer's payment method at the provider, and charge it while the payer is away.

A charge names the order and is made once, however often the request is sent within CHARGE_KEY_S. A payment
method is saved only after consent on the provider's page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import Fact

# Less than the day for which providers recognise a repeated request.
CHARGE_KEY_S: Final = 20 * 3600

DeclineReason = Literal[
    "authentication_required",  # the payer's bank wants to hear from the payer
    "insufficient_funds",
    "try_later",  # the bank or the provider could not decide now
    "card_expired",
    "card_declined",
    "card_removed",  # the provider keeps it no longer
]
# A later charge of the same payment method may succeed.
RETRIED: Final[frozenset[str]] = frozenset({"insufficient_funds", "try_later"})


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """ref: the provider's ID; brand and last4 as on the card; expires as 2027-04."""

    ref: str
    brand: str
    last4: str
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class SavingRequest:
    """Saves a payment method without a purchase; key: of one try to open the page."""

    key: str
    customer_ref: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Made from the order's rows alone, so that it is the same each time."""

    order_id: str
    customer_ref: str
    method_ref: str
    price: Price
    title: str


@dataclass(frozen=True, slots=True)
class Charged:
    """The provider accepted the charge. ref: for `inquire`; facts: what it says of the charge."""

    ref: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no: nothing was or will be taken without the payer. ref: the tried payment."""

    reason: DeclineReason
    ref: str | None = None


@runtime_checkable
class SavedPayments(Protocol):
    """Each call raises ProviderUnavailable (nothing is known) and ProviderRefused."""

    async def new_customer(self, key: str, email: str | None) -> str: ...

    async def save_page(self, request: SavingRequest) -> str: ...

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]: ...

    async def forget(self, method_ref: str) -> None: ...

    async def charge(self, request: ChargeRequest) -> Charged | Declined: ...

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None:
        """Return the order's charge, made no earlier than then; None: none was made."""
        ...

    async def give_up(self, ref: str) -> bool:
        """Return whether nobody can make that payment any more; False: it was made meanwhile."""
        ...


@runtime_checkable
class KeepsPayments(Protocol):
    """A provider that has SavedPayments wherever it has credentials, and when simulated."""

    @property
    def keeps_payments(self) -> bool: ...
