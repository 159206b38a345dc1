"""The interface of a supplier, which delivers a top-up's value and reports the outcome.

A module in this folder, `x.py` or `x/supplier.py`, defines SUPPLIER, a Registration. For a top-up, the worker
calls the platform's first supplier, after it has stored the attempt and the result of `prepare`. No
transaction is open during a call.

- Delivered ends the top-up. Only Refused leads to the next supplier; after the last one the funds return.
- After Waiting, Unknown, a timeout or a dead worker, the same supplier is called again, with growing pauses.
- `asked_again` says how: `repeat` calls `fulfil` again. `look` calls `look` first, and `fulfil` after
  NotDone. `person` leaves the top-up to an operator.
- A supplier that repeatedly gave no word rests for a while, and its top-ups wait.

Several top-ups may be at a supplier at once. With is_one_per_recipient, an account's recipient has one at a
time.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast

import httpx
import msgspec

from billing.topups.plausible import SupplierTerms
from billing.topups.topup import Deliverable
from kernel.clock import Clock
from kernel.errors import DomainError
from keys.vault import Vault
from store.database import Database

# Bounds a whole turn, so calls for one top-up never overlap.
ASK_S_MAX: Final = 60.0
# Longer text counts as Unknown.
LEFT_CHARACTERS_MAX: Final = 2_000

# This option is sealed at rest and never shown again.
Sealed = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000, extra={"sealed": True})]

AskedAgain = Literal["repeat", "look", "person"]
CREDIT: Final = Deliverable("credit")


class OptionsRefused(ValueError):
    """The message names the option, not its value."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each subclass repeats `frozen=True, kw_only=True`. Secret text is `Sealed`. Bounds are in the fields'
    Meta; `make` checks the rest.
    """


@dataclass(frozen=True, slots=True)
class Request:
    """The top-up to fulfil.

    transaction_id: the idempotency key of every call. attempt: the number of this supplier's attempt, from 1. left: what the
    last call left (Waiting, Unknown). recipient_left: what the last delivery to this account's recipient
    left, such as a key's ID. Neither these nor `prepared` may contain a secret.
    """

    transaction_id: str
    account_id: str
    environment: str
    platform: str
    amount_cents: int
    recipient_email: str
    voucher_code: str
    attempt: int = 1
    prepared: str | None = None
    left: str | None = None
    recipient_left: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """`cost_cents` is the supplier's charge, if known. `left`: see Request.recipient_left; null keeps the
    previous value. With a `doubt`, an operator decides.
    """

    deliverable: Deliverable = CREDIT
    cost_cents: int | None = None
    left: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Accepted, but not done. `left` is for this top-up's next call."""

    left: str | None = None
    again_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No reliable word came. `detail` is for the operator, without secrets.

    needs_review: the response fits both done and not done, so an operator decides. is_unreadable: it had
    another form, which the breaker doesn't count.
    """

    detail: str
    left: str | None = None
    again_in_s: float | None = None
    needs_review: bool = False
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class NotDone:
    """Only `look` returns it: surely nothing was done, so `fulfil` may be called again."""


@dataclass(frozen=True, slots=True)
class Revoked:
    pass


@dataclass(frozen=True, slots=True)
class NotRevoked:
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    is_well: bool
    detail: str


Outcome = Delivered | Refused | Waiting | Unknown
Look = Outcome | NotDone
Revocation = Revoked | NotRevoked | Unknown


class Supplier(ABC):
    """One supplier, set up with its options. Whatever a method raises, and a call longer than ASK_S_MAX, counts
    as Unknown.
    """

    @abstractmethod
    async def fulfil(self, request: Request) -> Outcome: ...

    async def prepare(self, request: Request) -> str | Refused | Unknown | None:  # noqa: ARG002
        """Return what must be known after a crash, such as a key's limit before it is raised.

        Called before a top-up's first `fulfil` and after NotDone; changes nothing at the vendor. Refused and
        Unknown end the attempt.
        """
        return None

    async def look(self, request: Request) -> Look:  # noqa: ARG002
        """Return whether this very top-up was already done. When unsure, return Unknown: a wrong NotDone makes
        the credit twice.
        """
        return Unknown("this supplier cannot be looked at")

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        """Revoke this top-up's delivery if none of it was used.

        It must be worthless from then on, because the funds return. Called again after Unknown or a worker's
        death; NotRevoked is final. `value` is what was delivered.
        """
        return NotRevoked("this supplier cannot take credit back")

    async def balance_cents(self) -> int | None:
        """Return what is left at the vendor, if known."""
        return None

    async def probe(self) -> Health:
        """Check, without a change, that it responds and knows us."""
        return Health(is_well=True, detail="nothing to ask")


@dataclass(frozen=True, slots=True)
class Tools:
    """The client reaches private addresses, because operators name them."""

    client: httpx.AsyncClient
    clock: Clock
    database: Database
    vault: Vault
    supplier_id: str
    environment: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a module in the folder defines as SUPPLIER.

    make: raises OptionsRefused for what the struct can't check. sample: the simulated delivery in staging.
    is_one_per_recipient: allow a recipient one attempt at a time, because the kind reads a value and then writes
    it. callback_secret: returns the secret that signs the supplier's POST /fulfilment/{transaction_id}. where: the
    options that say where the supplier is; they can't change while attempts are open. terms: exceptions to
    billing/topups/plausible.py.
    """

    name: str
    text: str
    options: type[Options]
    make: Callable[[Any, Tools], Supplier]
    sample: Callable[[Request], Deliverable]
    asked_again: AskedAgain
    is_one_per_recipient: bool = False
    callback_secret: Callable[[Any], str] | None = None
    where: tuple[str, ...] = ()
    terms: Callable[[Any], SupplierTerms] | None = None


_NO_TOOLS: Final = Tools(
    client=cast(Any, None),
    clock=cast(Any, None),
    database=cast(Any, None),
    vault=cast(Any, None),
    supplier_id="",
    environment="",
)


def check_usable(registration: Registration, options: Options) -> None:
    registration.make(options, _NO_TOOLS)


def sealed_fields(options: type[Options]) -> frozenset[str]:
    return frozenset(
        field.name
        for field in msgspec.structs.fields(options)
        if _is_sealed(msgspec.inspect.type_info(field.type))
    )


def _is_sealed(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(_is_sealed(one) for one in kind.types)
    extra = kind.extra if isinstance(kind, msgspec.inspect.Metadata) else None
    return bool((extra or {}).get("sealed"))


class SignatureRefused(DomainError):
    """The request isn't signed with the supplier's secret, is too old, or is of another top-up."""


SAMPLE_CHARACTERS = 16


class SimulatedSupplier(Supplier):
    def __init__(self, sample: Callable[[Request], Deliverable]) -> None:
        self._sample = sample

    async def fulfil(self, request: Request) -> Outcome:
        return Delivered(self._sample(request))

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        return Revoked()

    async def probe(self) -> Health:
        return Health(
            is_well=True, detail="Simulated: it calls no provider and delivers nothing real."
        )


def sample_text(request: Request) -> str:
    """Return letters like a worthless code's, the same for each call of a top-up."""
    drawn = hashlib.sha256(request.transaction_id.encode()).hexdigest()
    return drawn[:SAMPLE_CHARACTERS].upper()
