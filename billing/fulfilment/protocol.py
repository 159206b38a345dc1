"""Define the interface that suppliers implement to deliver top-ups and report the outcomes.

A module in this folder, `x.py` or `x/supplier.py`, defines SUPPLIER, a Registration. The worker first stores the
attempt and the result of `prepare`, then calls the platform's first supplier. No transaction is open during a call.

- Delivered completes the top-up. After Refused, the next supplier is called. If there is none, the funds are
  returned.
- After Waiting, Unknown, a timeout or a worker's crash, the same supplier is called again, with growing delays.
- `asked_again` says what such a call does. `repeat` calls `fulfil` again. `look` calls `look_up` first, and `fulfil`
  only after NotDone. `person` leaves the top-up to an operator.
- A supplier that repeatedly fails to respond isn't called for a while, and its top-ups wait.

A supplier may work on several top-ups at once. With `is_one_per_recipient`, it can have only one open attempt for each
recipient of an account.
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

# This limits a whole attempt, so that two calls for one top-up never overlap.
ASK_S_MAX: Final = 60.0
# A longer `left` is treated as Unknown.
LEFT_CHARACTERS_MAX: Final = 2_000

# Secret text, encrypted in the database and never shown again.
Sealed = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000, extra={"sealed": True})]

AskedAgain = Literal["repeat", "look", "person"]
CREDIT: Final = Deliverable("credit")


class OptionsRefused(ValueError):
    """An option is missing or invalid. The message names the option but omits its value."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of one supplier kind. Each subclass must repeat `frozen=True, kw_only=True`.

    Secret text has the type `Sealed`. The fields' Meta sets limits. `make` checks everything else.
    """


@dataclass(frozen=True, slots=True)
class Request:
    """The top-up to fulfil.

    - transaction_id: the idempotency key of every call.
    - attempt: this supplier's attempt, counted from 1.
    - left: what the previous Waiting or Unknown for this top-up passed as `left`.
    - recipient_left: what the last Delivered for this recipient passed as `left`, such as a key's ID.

    `left`, `recipient_left` and `prepared` must not contain secrets.
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
    """The top-up was delivered. `cost_cents` is the supplier's charge, if known.

    `left` is passed to the recipient's next top-up as Request.recipient_left. If it is None, the previous value is
    passed. If `doubt` is set, an operator decides.
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
    """The supplier accepted the top-up but hasn't delivered it yet. `left` is passed to this top-up's next call."""

    left: str | None = None
    again_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The supplier gave no reliable response. `detail` is for the operator and contains no secrets.

    `needs_review` means that the response could mean success or failure, so an operator decides. `is_unreadable` means
    that the response had an unexpected format, which doesn't count against the supplier's availability.
    """

    detail: str
    left: str | None = None
    again_in_s: float | None = None
    needs_review: bool = False
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class NotDone:
    """The supplier certainly did nothing, so `fulfil` can be called again. Only `look_up` returns this."""


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
    """A supplier, set up with its options. An exception, or a call longer than ASK_S_MAX, is treated as Unknown."""

    @abstractmethod
    async def fulfil(self, request: Request) -> Outcome: ...

    async def prepare(self, request: Request) -> str | Refused | Unknown | None:  # noqa: ARG002
        """Return what must be known after a crash, such as a key's limit before it is raised.

        This is called before a top-up's first `fulfil` and after NotDone, and must not change anything at the vendor.
        Returning Refused or Unknown ends the attempt.
        """
        return None

    async def look_up(self, request: Request) -> Look:  # noqa: ARG002
        """Return whether exactly this top-up was delivered. If in doubt, return Unknown, because a wrong NotDone would
        deliver the credit twice.
        """
        return Unknown("this supplier cannot be looked at")

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        """Revoke this top-up's delivery if none of it was used.

        The delivery must become worthless, because the funds are returned. The call is repeated after Unknown
        or a worker's crash, but NotRevoked is final. `value` is what was delivered.
        """
        return NotRevoked("this supplier cannot take credit back")

    async def balance_cents(self) -> int | None:
        return None

    async def probe(self) -> Health:
        """Check that the supplier responds and accepts our credentials, without changing anything."""
        return Health(is_well=True, detail="nothing to ask")


@dataclass(frozen=True, slots=True)
class Tools:
    """What a supplier may use. The HTTP client may reach private addresses, because operators choose the URLs."""

    client: httpx.AsyncClient
    clock: Clock
    database: Database
    vault: Vault
    supplier_id: str
    environment: str


@dataclass(frozen=True, slots=True)
class Registration:
    """A kind of supplier: what its module defines as SUPPLIER.

    - make: builds a supplier. Raises OptionsRefused for invalid options that pass their types' checks.
    - sample: the simulated delivery in staging.
    - is_one_per_recipient: allows only one open attempt for a recipient, for kinds that read a value and then write it.
    - callback_secret: returns the secret that signs the supplier's POST /fulfilment/{transaction_id}.
    - where: the options that locate the supplier. While attempts are open, they change only if the operator allows it.
    - terms: exceptions to the checks in billing/topups/plausible.py.
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
    """A callback isn't signed with the supplier's secret, is too old, or belongs to another top-up."""


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
    drawn = hashlib.sha256(request.transaction_id.encode()).hexdigest()
    return drawn[:SAMPLE_CHARACTERS].upper()
