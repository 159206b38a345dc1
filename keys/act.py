"""Declare acts: everything that a merchant or operator can do or read. One declaration serves all interfaces."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar, cast

from msgspec import Meta, Struct

from kernel.errors import DomainError
from kernel.fields import Fields, Page
from kernel.tenant import Tenant
from kernel.words import TopUpStatus
from keys.audit_log import Actor
from keys.principal import ADMIN, Environment, Principal, ScopeMissing
from store.database import Database, Transaction
from store.keyset import Begin

I = TypeVar("I", bound=Fields)  # noqa: E741 an input
Q = TypeVar("Q", bound=Page)
R = TypeVar("R")
S = TypeVar("S")

Audience = Literal["merchant", "operator", "machine"]
MERCHANT: Final[Audience] = "merchant"
OPERATOR: Final[Audience] = "operator"
# Acts that could turn a borrowed token into lasting access run only on the installation's machine.
MACHINE: Final[Audience] = "machine"


R_co = TypeVar("R_co", covariant=True)


class Command(Protocol[R_co]):
    def declare(self, read_set: Any) -> None: ...

    def decide(self, state: Any) -> R_co:
        """Change the batch's state and return the result. Raise a DomainError only before any change."""
        ...


class Services(Protocol):
    """Return a service by its type, for acts that need more than their transaction."""

    def __call__(self, kind: type[S], /) -> S: ...


class PublicUrl(NamedTuple):
    text: str


async def _unpaced() -> None:
    pass


class Origin(Protocol):
    @property
    def by(self) -> Actor: ...

    @property
    def address(self) -> str | None: ...

    @property
    def masked_key(self) -> str | None: ...

    @property
    def request_digest(self) -> str | None:
        """Return a digest that identifies the request when its Idempotency-Key is used again."""
        ...


class InProcess(NamedTuple):
    by: Actor = Actor()
    address: str | None = None
    masked_key: str | None = None
    request_digest: str | None = None


class CallContext(Struct, frozen=True, kw_only=True):
    """Who calls an act, and for which object. No transaction is open yet."""

    tenant: Tenant
    asker: Principal | None
    origin: Origin
    now_us: int
    service: Services
    person: str = ""
    object_id: str = ""
    inner_id: str = ""
    # Counts a call to another system. Raises an error if there were too many calls.
    pace: Callable[[], Awaitable[None]] = _unpaced

    @property
    def by(self) -> Actor:
        return self.origin.by

    @property
    def request_digest(self) -> str | None:
        return self.origin.request_digest

    @property
    def environment(self) -> Environment:
        return cast(Environment, self.tenant.environment)

    @property
    def caller(self) -> Principal:
        assert self.asker is not None, "merchants alone"
        return self.asker

    @property
    def database(self) -> Database:
        return self.service(Database)  # type: ignore[type-abstract]

    def require_machine(self, words: str) -> None:
        if self.by.kind != "cli":
            raise ScopeMissing(words, reason="scope")


class ActContext(CallContext, frozen=True, kw_only=True):
    tx: Transaction
    prepared: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Generic[R]):
    after: R
    # None if the object is new, or if the audit entry omits its earlier state.
    before: R | None = None
    shown_once: Mapping[str, Any] = field(default_factory=dict)
    # What the audit entry contains if the object doesn't show what changed, for example after a rotation.
    noted: Mapping[str, Any] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    is_gone: bool = False

    @property
    def is_change(self) -> bool:
        is_new = self.before is None or self.is_gone
        return is_new or self.noted is not None or self.before != self.after


class Audited(NamedTuple):
    action: str
    shows: Callable[[Any], Mapping[str, Any]]
    is_whole: bool = False


class Pace(NamedTuple):
    """How many calls an account can make in each period. It can make all of them at once."""

    calls: int
    period_s: int
    what: str
    is_per_object: bool = False
    is_sandbox: bool = False


class EnvelopeFacts(NamedTuple):
    id: str | None = None
    status: str = ""
    approval_id: str | None = None
    # The first response shows this top-up's voucher code. The stored response doesn't contain it.
    voucher_of: str | None = None
    voucher_code: str | None = None
    # The time of the first call, if a repeated call must report it.
    at_us: int | None = None


def about_topup(found: Any, _shown: Any) -> EnvelopeFacts:
    return EnvelopeFacts(found.transaction_id)


class Failing(NamedTuple):
    """How an act reports a change that was made here but failed elsewhere, such as at a receiver."""

    kind: type[DomainError]
    detail: Callable[[Any], str | None]


@dataclass(frozen=True, kw_only=True)
class ActRow:
    name: str
    summary: str
    # The path under the API's prefix. It can contain the object's ID, and an {account} given by ID or email
    # address.
    path: str
    result: type
    # Makes the result's struct. If it is None, the act returns the struct, or `result.of` makes it.
    view: Callable[[Any], Any] | None = None
    scopes: tuple[str, ...] = (ADMIN,)
    audience: tuple[Audience, ...] = (MERCHANT, OPERATOR)
    description: str = ""
    refuses: tuple[type[DomainError], ...] = ()
    owner_of: Callable[[Transaction, str], Awaitable[Tenant]] | None = None
    # True if the act belongs to an environment but to no account, such as a list of all accounts.
    is_catalogue: bool = False
    is_account_wide: bool = False
    # True if the act is for the signed-in person's own account, even while the person acts for another account.
    is_persons: bool = False
    examples: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    # The field of the view that identifies the object in the path.
    named_by: str = "id"
    # Makes the struct for a caller, if callers may see different fields.
    seen: Callable[[CallContext, Any], Any] | None = None
    told: Callable[[Any, Any], EnvelopeFacts] | None = None
    # The top-up's possible states. The state determines the response's code. Without a top-up, the code is `ok`.
    outcomes: tuple[TopUpStatus | Literal["ok"], ...] = ("ok",)
    guesses_code: bool = False
    # The command exits with 1 if this returns true for the view.
    alarm: Callable[[Mapping[str, Any]], bool] | None = None
    session_only: bool = False

    @property
    def names_account(self) -> bool:
        return "{account}" in self.path

    def show(self, found: Any) -> Any:
        if self.view is not None:
            return self.view(found)
        return found if isinstance(found, self.result) else cast(Any, self.result).of(found)


@dataclass(frozen=True, kw_only=True)
class ChangingAct(ActRow, Generic[I]):
    input: type[I]
    is_in_query: bool = False
    about: str = ""
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    status: Literal[200, 201, 202] = 200
    # The API responds 202 with the status pending if this returns true for the view.
    is_pending: Callable[[Any], bool] | None = None
    shows_secret: bool = False
    # True if the audit entry also names who decided, for example from `--by` on the command line.
    names_person: bool = False
    moves_money: bool = False
    # The question to confirm, with placeholders for the view's fields. It is empty if nothing can be lost.
    asks: str = ""
    done: str = "Saved."
    undo: str = ""
    applies: Callable[[Any], bool] | None = None
    asks_password: bool = False
    # Returns whether this call needs the password again (only in live), because it reveals or changes something
    # lasting.
    asks_password_if: Callable[[ActContext, I], Awaitable[bool]] | None = None
    is_for_paused: bool = False
    is_for_suspended: bool = False
    # How often a merchant can run the act. In a StepsAct, `run` awaits `context.pace()` before it
    # calls another system.
    paces: tuple[Pace, ...] = ()
    # Whether the act uses an Idempotency-Key. A rehearsal needs none, because it changes nothing.
    takes_key: bool = True


@dataclass(frozen=True, kw_only=True)
class ApiAct(ChangingAct[I]):
    """An act that gateway/api runs itself, because its body or response can have several formats."""


@dataclass(frozen=True, kw_only=True)
class Act(ChangingAct[I], Generic[I, R]):
    """An act that runs in one transaction, under the tenant's lock. The act's runner writes the audit entry."""

    run: Callable[[ActContext, I], Awaitable[Change[R]]]
    audit: Audited | Callable[[Any, Any], Sequence[Audited]] | None
    event: str | None = None
    # Returns a URL. Its host is resolved before the transaction begins.
    target: Callable[[I], str | None] | None = None
    prepare: Callable[[CallContext, I, Database], Awaitable[Any]] | None = None
    dry: type | None = None

    def __post_init__(self) -> None:
        """Reject an act for operators that needs a resolved host, because operators' commands can't resolve hosts."""
        assert self.target is None or OPERATOR not in self.audience, self.name


@dataclass(frozen=True, kw_only=True)
class EngineAct(ChangingAct[I], Generic[I, R]):
    """An act that the engine decides in a batch. Its command writes the audit entry and the events."""

    command: Callable[[CallContext, I], Awaitable[Command[R]]]
    refusal: Callable[[R], DomainError | None] | None = None

    def __post_init__(self) -> None:
        """Reject an act that returns a secret, because the engine stores responses unencrypted."""
        assert not self.shows_secret, self.name


@dataclass(frozen=True, kw_only=True)
class StepsAct(ChangingAct[I], Generic[I, R]):
    # This runs without a transaction, and writes its own audit entries.
    run: Callable[[CallContext, I], Awaitable[R]]
    # If the first call's process has died, a repeated call can continue its work after this time.
    lease_s: int = 30
    failing: Failing | None = None


# Proxies commonly end a call that has been silent for 60 s.
WAIT_S_MAX: Final = 50


class WaitQuery(Fields, frozen=True, kw_only=True):
    wait_s: Annotated[
        int,
        Meta(
            ge=0,
            le=WAIT_S_MAX,
            description="Seconds to wait for a change. The call returns as soon as there is one.",
        ),
    ] = 0


class State(NamedTuple):
    topup_id: str
    status: str
    approval_status: str | None
    is_final: bool


@dataclass(frozen=True, kw_only=True)
class ReadAct(ActRow, Generic[R]):
    run: Callable[..., Awaitable[R]]
    query: type[Fields] = Fields
    # Returns the state whose change ends a wait. It is None if the read doesn't accept wait_s.
    state: Callable[[R], State] | None = None
    prepare: Callable[[CallContext, Any, Database], Awaitable[Any]] | None = None

    async def read(self, context: ActContext, asked: Fields) -> R:
        return await (self.run(context) if self.query is Fields else self.run(context, asked))


@dataclass(frozen=True, kw_only=True)
class ApiRead(ActRow):
    """A read that gateway/api runs itself, because its response is streamed or can have several formats."""

    query: type[Fields] = Fields


@dataclass(frozen=True, kw_only=True)
class ListAct(ActRow, Generic[Q, R]):
    # Returns at most the given number of rows that follow a position. Without prefix and
    # own_cursors, it returns all rows.
    run: Callable[[ActContext, Q, Begin, int], Awaitable[Sequence[R]]]
    query: type[Q]
    prefix: str = ""
    cursor: Callable[[Any], str] | None = None
    # True if the function reads the cursor itself and returns a ListStretch.
    own_cursors: bool = False
    sorts: Collection[str] = ()
    export: tuple[str, ...] = ()
    summed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReportAct(ActRow, Generic[I, R]):
    # This runs without a transaction, because creating a report may take minutes.
    run: Callable[[CallContext, I, Database], Awaitable[Sequence[R]]]
    query: type[I]


AloneAct = EngineAct[Any, Any] | StepsAct[Any, Any]
AnyRead = ReadAct[Any] | ApiRead
AnyChange = Act[Any, Any] | AloneAct | ApiAct[Any]
AnyAct = AnyChange | AnyRead | ListAct[Any, Any] | ReportAct[Any, Any]
