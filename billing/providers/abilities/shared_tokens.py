"""Charge a payer by a shared payment token: a payer's consent for one seller, up to an amount and an expiry.

The same `charge` request charges once, and later returns the first outcome. A token and its details are in no
log and in no error.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from billing.ledger.price import Price


@dataclass(frozen=True, slots=True)
class SharedToken:
    """What a token still allows. left: in the limit's currency; null: no limit is known. expires_at:
    microseconds, or null. is_ended: used up, revoked or expired, as the provider says.
    """

    left: Price | None
    expires_at: int | None
    is_ended: bool


@dataclass(frozen=True, slots=True)
class TokenCharge:
    """What is charged, the same each time. payment_id: ours, by which it is found again."""

    payment_id: str
    token: str
    price: Price
    title: str


@dataclass(frozen=True, slots=True)
class TokenCharged:
    """The provider has the money; price: as it says."""

    ref: str
    price: Price


@dataclass(frozen=True, slots=True)
class TokenDeclined:
    """A definite no, now and for every earlier request of the same charge; reason: a word."""

    reason: str


@dataclass(frozen=True, slots=True)
class TokenPending:
    """The provider hasn't decided; ref: what to ask about later."""

    ref: str


TokenOutcome = TokenCharged | TokenDeclined | TokenPending


@runtime_checkable
class SharedTokens(Protocol):
    """A provider that accepts such tokens; seller_id: the operator's name there for payers.

    Each call raises ProviderUnavailable (nothing is known) and ProviderRefused (a no to this request alone).
    """

    @property
    def seller_id(self) -> str: ...

    async def find_token(self, token: str) -> SharedToken | None:
        """Return what it allows; None: the provider knows no such token of this seller."""
        ...

    async def charge_token(self, request: TokenCharge) -> TokenOutcome: ...

    async def token_charged(self, payment_id: str, ref: str | None) -> TokenOutcome | None:
        """Return what became of it, without charging: by ref, or by our own id.

        None: nothing with that id is known, which may change within a minute of its making.
        """
        ...
