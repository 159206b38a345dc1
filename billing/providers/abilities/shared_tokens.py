"""Charge a payer by a shared payment token: consent for one seller, up to an amount and an expiry.

A repeated `charge` returns the first outcome. No log or error contains a token or its details.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from billing.ledger.price import Price


@dataclass(frozen=True, slots=True)
class SharedToken:
    """left: in the limit's currency; null: no known limit. is_ended: used up, revoked or expired."""

    left: Price | None
    expires_at: int | None
    is_ended: bool


@dataclass(frozen=True, slots=True)
class TokenCharge:
    """The same each time. payment_id: ours, by which it is found again."""

    payment_id: str
    token: str
    price: Price
    title: str


@dataclass(frozen=True, slots=True)
class TokenCharged:
    ref: str
    price: Price


@dataclass(frozen=True, slots=True)
class TokenDeclined:
    """A definite no, also for every earlier request of this charge; reason: a word."""

    reason: str


@dataclass(frozen=True, slots=True)
class TokenPending:
    ref: str


TokenOutcome = TokenCharged | TokenDeclined | TokenPending


@runtime_checkable
class SharedTokens(Protocol):
    """seller_id: the operator's name there for payers. Calls raise ProviderUnavailable (nothing is known) and
    ProviderRefused (a no to this request alone).
    """

    @property
    def seller_id(self) -> str: ...

    async def find_token(self, token: str) -> SharedToken | None:
        """Return what it allows, or None if this seller has no such token."""
        ...

    async def charge_token(self, request: TokenCharge) -> TokenOutcome: ...

    async def token_charged(self, payment_id: str, ref: str | None) -> TokenOutcome | None:
        """Return the charge's outcome, by ref or our ID, without charging. None: that ID is unknown, which
        may change within a minute.
        """
        ...
