"""What a supplier is: it is asked for one top-up's value, and says what became of it.

A module in this folder, `x.py` or `x/supplier.py`, defines SUPPLIER, a Registration. It imports this
protocol, and asking.py where it speaks HTTP; its options and tools are handed to `make`.
billing/fulfilment/http.py is one to read.

How one top-up is fulfilled (worker/fulfil.py does it, so that no supplier can get it wrong):

1. The first supplier of the platform is asked. Before it, the attempt is written down; no transaction
   is open while a supplier is asked. `prepare` comes first, and what it returned is written down, too,
   before `fulfil`.
2. Delivered ends the top-up. Refused is a definite no: the next supplier is asked, and after the last
   one the funds go back. Nothing else leads to the next supplier.
3. Waiting and Unknown, a deadline that passed and a worker that died leave the top-up with that same
   supplier. It is asked again, later and later, in the way its `asked_again` names:
   `repeat`  the supplier knows a transaction_id that it had: the same `fulfil` again.
   `look`    `look` first. NotDone: `fulfil` again. Delivered or Refused: that is the end.
   `person`  nobody can find out: the top-up waits for a person (docs/suppliers.md).
4. A supplier that gave no word for several top-ups in a row is left alone for a while (its breaker);
   what is meant for it waits.

A supplier may be asked for several top-ups at once. One whose Registration is_one_per_recipient is
asked for one top-up of an account's recipient at a time, the next one after a last word.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast

import httpx
import msgspec

from billing.topups.deliverable import Deliverable
from billing.topups.plausible import SupplierTerms
from kernel.clock import Clock
from kernel.errors import DomainError
from keys.vault import Vault
from store.database import Database

# One turn at a supplier, whole: prepare or look, and fulfil. Nothing is asked again before it is over,
# so that two asks for one top-up never overlap.
ASK_S_MAX: Final = 60.0
# What a supplier leaves for its next ask; longer text is refused, and the outcome counts as Unknown.
LEFT_CHARACTERS_MAX: Final = 2_000

# A field of options that is sealed at rest and never shown again.
Sealed = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000, extra={"sealed": True})]

AskedAgain = Literal["repeat", "look", "person"]
CREDIT: Final = Deliverable("credit")


class OptionsRefused(ValueError):
    """A supplier's options do not fit its kind; the message names the option, not its value."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the operator sets of a supplier of one kind; each kind has a subclass, which says
    `frozen=True, kw_only=True` again.

    Text fields that are secret are `Sealed` (or `Sealed | None`). Numbers and sizes have bounds in
    their Meta. What a Meta cannot say, `make` checks.
    """


@dataclass(frozen=True, slots=True)
class Request:
    """The top-up to fulfil; amount in US cents.

    transaction_id is the idempotency key: the same for every ask of this top-up, at every supplier.
    attempt counts this supplier's asks for it, from 1. prepared: what `prepare` returned, for the
    asks of the same attempt to come, `look` included. left: what the last ask for this top-up left
    (Waiting, Unknown). recipient_left: what the last delivery to this recipient, of the same account,
    by this supplier left, such as the id of the recipient's key, so that it is raised and not made
    again. None of the three holds a secret.
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
    """It arrived.

    cost_cents: what the supplier takes for it, in US cents; null: not known. left: for this
    recipient's next top-up, see Request.recipient_left; null keeps what was left before. doubt: why the
    kind itself does not believe the answer, such as another product in it; what was handed over is then kept
    for an operator, and nothing is delivered.
    """

    deliverable: Deliverable = CREDIT
    cost_cents: int | None = None
    left: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no, and nothing was done: the next supplier is asked, or the funds go back.

    The reason is shown to the sender; it is made storable and cut where it is written.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Accepted and not done; asked again. left: for the next ask of this top-up, such as a task's id.

    again_in_s: when asking again makes sense, if the supplier says so.
    """

    left: str | None = None
    again_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No word, or none to rely on: a timeout, a 5xx, HTML for JSON. detail is for the operator and
    holds nothing secret. left: as with Waiting. again_in_s: such as a Retry-After of a 429.

    needs_review: the supplier did answer, and what it says fits both: done and not done. It is not
    asked again by itself; the top-up waits for a person, who reads `detail`. is_unreadable: it answered, and
    not in its own form; it is asked again, and its breaker does not count it.
    """

    detail: str
    left: str | None = None
    again_in_s: float | None = None
    needs_review: bool = False
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class NotDone:
    """Of `look` only: nothing was done for this transaction, surely; it may be asked again."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was delivered is worth nothing any more, and nothing of it was used."""


@dataclass(frozen=True, slots=True)
class NotRevoked:
    """It cannot be taken back, or was used: a definite no. The reason is shown to the sender."""

    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a harmless question found. detail: a sentence for the operator, nothing secret in it."""

    is_well: bool
    detail: str


Outcome = Delivered | Refused | Waiting | Unknown
Look = Outcome | NotDone
Revocation = Revoked | NotRevoked | Unknown


class Supplier(ABC):
    """One supplier, set up with its options.

    None of these raises for what the other side does; each is cut off after ASK_S_MAX, and counts as
    Unknown then. What a method raises all the same is logged, and counts as Unknown, too.
    """

    @abstractmethod
    async def fulfil(self, request: Request) -> Outcome:
        """Asks, or asks again."""

    async def prepare(self, request: Request) -> str | Refused | Unknown | None:  # noqa: ARG002
        """What must be known after a crash, such as a key's limit before it is raised.

        Asked before the first `fulfil` of a supplier for a top-up, and again before a `fulfil` that
        comes after NotDone; changes nothing at the vendor.
        Text is written down and handed to every later call as Request.prepared. Refused and Unknown
        end the attempt as if `fulfil` had said so; after Unknown nothing was done.
        """
        return None

    async def look(self, request: Request) -> Look:  # noqa: ARG002
        """Whether this very top-up was done before; for kinds that are `asked_again` by `look`.

        Whoever is not sure says Unknown: NotDone makes the credit a second time where it is wrong.
        """
        return Unknown("this supplier cannot be looked at")

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        """Takes back what was delivered for this top-up, if nothing of it was used.

        It must be worth nothing from then on, whoever has seen it: the sender's funds go back. Asked
        again after Unknown and after a worker died: what it took back before is Revoked. NotRevoked
        is the end, so whoever is not sure says Unknown.

        value: what was handed over. request.recipient_left is what lies there of this recipient now.
        """
        return NotRevoked("this supplier cannot take credit back")

    async def balance_cents(self) -> int | None:
        """What is left at the vendor, in US cents; null where it cannot be asked or gave no word."""
        return None

    async def probe(self) -> Health:
        """A question that changes nothing: is it there, does it know us; says what is wrong."""
        return Health(is_well=True, detail="nothing to ask")


@dataclass(frozen=True, slots=True)
class Tools:
    """What a supplier is made with. The client reaches private addresses, too: operators name them.

    supplier_id and environment say which row it is, for kinds that keep rows of their own.
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

    name: of the kind, as operators write it. text: one sentence for the command line and the page.
    options: a subclass of Options. make: raises OptionsRefused for what the struct cannot say.
    sample: what the simulated supplier delivers in staging; needs no network, and holds nothing real.
    is_one_per_recipient: for kinds that read and then change what a recipient has, such as a limit.
    callback_secret: what the supplier signs its own word with (POST /fulfilment/{transaction_id});
    None: it never calls. where: names of the open options that say which place is asked; they are not
    changed while attempts are open there, since the new place knows nothing of these. terms: what the options
    allow beside the rules of billing/topups/plausible.py; None: nothing.
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


# For a supplier that is never called.
_NO_TOOLS: Final = Tools(
    client=cast(Any, None),
    clock=cast(Any, None),
    database=cast(Any, None),
    vault=cast(Any, None),
    supplier_id="",
    environment="",
)


def check_usable(registration: Registration, options: Options) -> None:
    """Raise OptionsRefused for options with which a supplier of the kind can't be set up."""
    registration.make(options, _NO_TOOLS)


def sealed_fields(options: type[Options]) -> frozenset[str]:
    """Names of the options that are secrets."""
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
    """The request is not signed with the supplier's secret, or too long ago, or was signed for another
    top-up.
    """
