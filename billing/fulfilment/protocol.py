"""What a way of fulfilment is: it is asked with a top-up and says what became of it.

A module in this folder defines FULFILMENT, a Registration.
It imports this protocol, and asking.py where it speaks HTTP; its options, HTTP client and clock are
handed to `make`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx

from kernel.clock import Clock
from kernel.errors import DomainError

# One `fulfil`, whole. The worker gives no word a longer wait than this before it asks again, so that
# two asks for one top-up never overlap.
ASK_S_MAX: Final = 60.0


class OptionsRefused(ValueError):
    """A platform's options do not fit its fulfilment; the message names the option, not its value."""


@dataclass(frozen=True, slots=True)
class Request:
    """The top-up to fulfil. attempt counts from 1; the transaction_id is the idempotency key."""

    transaction_id: str
    environment: str
    platform: str
    amount_cents: int
    recipient_email: str
    voucher_code: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """It arrived. code: what the recipient was given instead of the wallet's value, if anything."""

    code: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no: the funds go back. The reason is shown to the sender; it is made storable and
    cut where it is written.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Accepted and not done; ask again."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No word, or none to rely on: a timeout, a 5xx. Ask again; detail is for the operator."""

    detail: str


Outcome = Delivered | Refused | Waiting | Unknown


class Fulfilment(Protocol):
    """One way, set up with a platform's options."""

    async def fulfil(self, request: Request) -> Outcome:
        """Asks, or asks again; never raises for what the other side does.

        Within ASK_S_MAX: it is cut off then, and counts as Unknown.
        """
        ...


Make = Callable[[Mapping[str, Any], httpx.AsyncClient, Clock], Fulfilment]


@dataclass(frozen=True, slots=True)
class Registration:
    """What a module in the folder defines as FULFILMENT.

    is_asynchronous: a send is pending until the fulfilment answers. `make` raises OptionsRefused.
    """

    name: str
    is_asynchronous: bool
    make: Make


class SignatureRefused(DomainError):
    """The request is not signed with the platform's fulfilment secret, or too long ago, or was signed
    for another top-up.
    """
