"""The interface of a supplier, which delivers a top-up's value and reports the outcome.

A module in this folder, `x.py` or `x/supplier.py`, defines SUPPLIER, a Registration. It imports this
protocol, and asking.py for HTTP; `make` gets its options and tools. billing/fulfilment/http.py is an example.

worker/fulfil.py fulfils a top-up, so that no supplier can get it wrong:

1. The platform's first supplier is called. Before that, the attempt and the result of `prepare` are written.
   No transaction is open during a call.
2. Delivered ends the top-up. Refused is a definite no: the next supplier is called, and after the last one the
   funds return. Nothing else leads to the next supplier.
3. Waiting, Unknown, a deadline and a dead worker leave the top-up with its supplier. It is called again, later
   and later, as its `asked_again` says:
   `repeat`  the supplier knows a repeated transaction_id: the same `fulfil` again.
   `look`    `look` first. NotDone: `fulfil` again. Delivered or Refused: the end.
   `person`  nobody can find out: the top-up waits for an operator (docs/suppliers.md).
4. A supplier that gave no word several times in a row rests for a while (its breaker); its top-ups wait.

Several top-ups may be at a supplier at once. With is_one_per_recipient, an account's recipient has one at a
time.
"""

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

# One whole turn: prepare or look, and fulfil. No retry before it is over, so calls for one top-up never
# overlap.
ASK_S_MAX: Final = 60.0
# What a supplier leaves for its next call; longer text counts as Unknown.
LEFT_CHARACTERS_MAX: Final = 2_000

# An option that is sealed at rest and never shown again.
Sealed = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000, extra={"sealed": True})]

AskedAgain = Literal["repeat", "look", "person"]
CREDIT: Final = Deliverable("credit")


class OptionsRefused(ValueError):
    """The message names the option, not its value."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each subclass repeats `frozen=True, kw_only=True`. Secret text is `Sealed` (or `Sealed | None`).
    Numbers and sizes have bounds in their Meta; `make` checks the rest.
    """


@dataclass(frozen=True, slots=True)
class Request:
    """The top-up to fulfil; amount in US cents.

    transaction_id: the idempotency key for every call of this top-up, at every supplier. attempt: this
    supplier's calls, from 1. prepared: what `prepare` returned, for later calls of the attempt. left: what
    the last call left (Waiting, Unknown). recipient_left: what the supplier's last delivery to this account's
    recipient left, such as a key's ID to raise. The last three hold no secret.
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
    """cost_cents: the supplier's charge, or null if unknown.

    - left: see Request.recipient_left; null keeps the previous value.
    - doubt: why the response isn't believed. An operator then decides.
    """

    deliverable: Deliverable = CREDIT
    cost_cents: int | None = None
    left: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no, and nothing was done. The sender sees the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Accepted and not done. left: for this top-up's next call, such as a task's ID."""

    left: str | None = None
    again_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No reliable word: a timeout, a 5xx, HTML for JSON. detail is for the operator, without secrets.

    needs_review: the response fits both done and not done, so an operator decides by `detail`. is_unreadable:
    it had another form; it is called again, and its breaker doesn't count it.
    """

    detail: str
    left: str | None = None
    again_in_s: float | None = None
    needs_review: bool = False
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class NotDone:
    """Only from `look`: surely nothing was done, so it may be called again."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was delivered is worthless now, and nothing of it was used."""


@dataclass(frozen=True, slots=True)
class NotRevoked:
    """A definite no: it can't be revoked, or was used. The sender sees the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """detail: for the operator, without secrets."""

    is_well: bool
    detail: str


Outcome = Delivered | Refused | Waiting | Unknown
Look = Outcome | NotDone
Revocation = Revoked | NotRevoked | Unknown


class Supplier(ABC):
    """One supplier, set up with its options. No method raises for what the other side does; each is cut off
    after ASK_S_MAX. That, and anything raised, counts as Unknown.
    """

    @abstractmethod
    async def fulfil(self, request: Request) -> Outcome: ...

    async def prepare(self, request: Request) -> str | Refused | Unknown | None:  # noqa: ARG002
        """Return what must be known after a crash, such as a key's limit before it is raised.

        Called before a top-up's first `fulfil` and again after NotDone; changes nothing at the vendor. Text
        is stored and passed on as Request.prepared. Refused and Unknown end the attempt; after Unknown
        nothing was done.
        """
        return None

    async def look(self, request: Request) -> Look:  # noqa: ARG002
        """Return whether this very top-up was already done; for kinds `asked_again` by `look`. When unsure
        return Unknown: a wrong NotDone makes the credit twice.
        """
        return Unknown("this supplier cannot be looked at")

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        """Revoke this top-up's delivery if nothing of it was used.

        It must be worthless from then on, because the funds return. Called again after Unknown or a worker's
        death: what it revoked before is Revoked. NotRevoked is final, so when unsure return Unknown. value:
        what was handed over.
        """
        return NotRevoked("this supplier cannot take credit back")

    async def balance_cents(self) -> int | None:
        """Return what is left at the vendor, in US cents; null if unknown."""
        return None

    async def probe(self) -> Health:
        """Check, without a change, that it is there and knows us."""
        return Health(is_well=True, detail="nothing to ask")


@dataclass(frozen=True, slots=True)
class Tools:
    """The client reaches private addresses: operators name them. supplier_id and environment: for kinds with
    rows of their own.
    """

    client: httpx.AsyncClient
    clock: Clock
    database: Database
    vault: Vault
    supplier_id: str
    environment: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a module in the folder defines as SUPPLIER.

    name: as operators write it. make: raises OptionsRefused for what the struct can't say. sample: the
    simulated delivery in staging, without network or anything real. is_one_per_recipient: for kinds that read
    and then change a recipient's value. callback_secret: signs its POST /fulfilment/{transaction_id}; None:
    it never calls. where: open options that name the place; they don't change while attempts are open, since
    a new place knows nothing of these. terms: exceptions to billing/topups/plausible.py.
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
