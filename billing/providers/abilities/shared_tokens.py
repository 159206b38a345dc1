"""Charging a payer by a shared payment token: a payer's consent, for one seller, up to an amount and an end.

Promise: `charge` sent again with the same request charges once, and answers what the first one came to; a
token and what it is of are in no log and in no error.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from billing.ledger.price import Price


@dataclass(frozen=True, slots=True)
class SharedToken:
    """What a token still allows. left: in the limit's currency; null: no limit was said. expires_at:
    microseconds, or null. is_ended: it was used up, taken back or has expired, as the provider says.
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
    """The provider has not decided; ref: what is asked about later."""

    ref: str


TokenOutcome = TokenCharged | TokenDeclined | TokenPending


@runtime_checkable
class SharedTokens(Protocol):
    """A provider that takes such tokens; seller_id: under which name payers find the operator there.

    Each call raises ProviderUnavailable (nothing is known) and ProviderRefused (a no to this request alone).
    """

    @property
    def seller_id(self) -> str: ...

    async def find_token(self, token: str) -> SharedToken | None:
        """What it allows; None: the provider knows no such token of this seller."""
        ...

    async def charge_token(self, request: TokenCharge) -> TokenOutcome:
        """Charges it."""
        ...

    async def token_charged(self, payment_id: str, ref: str | None) -> TokenOutcome | None:
        """What became of it, without charging: asked by ref, or by our own id; None: nothing of that id is
        known, which may change within a minute of its making.
        """
        ...
