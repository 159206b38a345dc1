"""Acts: everything that a merchant or operator can do or read. Each is declared once, for all interfaces."""

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
# Acts that would turn a borrowed token into lasting access run only on the installation's machine.
MACHINE: Final[Audience] = "machine"


R_co = TypeVar("R_co", covariant=True)


class Command(Protocol[R_co]):
    """A command that the engine decides and commits in a batch."""

    def declare(self, read_set: Any) -> None: ...

    def decide(self, state: Any) -> R_co:
        """Change the batch's state and return the result. Raise a DomainError before changing anything."""
        ...


class Services(Protocol):
    """Find what an act needs besides its transaction, by type, such as a vault or registry."""

    def __call__(self, kind: type[S], /) -> S: ...


class PublicUrl(NamedTuple):
    """The gateway's own address, for acts whose result contains a link."""

    text: str


async def _unpaced() -> None:
    pass


class Origin(Protocol):
    """Where a call comes from. Each part is computed only when an act reads it."""

    @property
    def by(self) -> Actor: ...

    @property
    def address(self) -> str | None: ...

    @property
    def masked_key(self) -> str | None:
        """Return the Idempotency-Key for display, with anything that looks like a secret masked."""
        ...

    @property
    def request_digest(self) -> str | None:
        """Return a digest by which a repeated call with the same Idempotency-Key is recognised."""
        ...


class InProcess(NamedTuple):
    by: Actor = Actor()
    address: str | None = None
    masked_key: str | None = None
    request_digest: str | None = None


class CallContext(Struct, frozen=True, kw_only=True):
    """Who calls an act, and for which object. No transaction is open."""

    tenant: Tenant
    asker: Principal | None
    origin: Origin
    now_us: int
    service: Services
    person: str = ""
    object_id: str = ""
    inner_id: str = ""
    # Counts a call that leaves the gateway. Raises if there were too many.
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
        """Raise ScopeMissing with this message unless the call comes from the installation's own machine."""
        if self.by.kind != "cli":
            raise ScopeMissing(words, reason="scope")


class ActContext(CallContext, frozen=True, kw_only=True):
    tx: Transaction
    prepared: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Generic[R]):
    after: R
    # None if the object is new, or if the audit entry shows no earlier state.
    before: R | None = None
    shown_once: Mapping[str, Any] = field(default_factory=dict)
    # The content of the audit entry, if the object doesn't show what was done, such as a rotation.
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
    """The number of calls that an account may make at once, and again in each period."""

    calls: int
    period_s: int
    what: str
    is_per_object: bool = False
    is_sandbox: bool = False


class EnvelopeFacts(NamedTuple):
    """Facts about a top-up that a response contains beside the data."""

    id: str | None = None
    status: str = ""
    approval_id: str | None = None
    # The top-up whose voucher code is shown in the first response, but never stored.
    voucher_of: str | None = None
    voucher_code: str | None = None
    # Set if a repeated call must report the time of the first call.
    at_us: int | None = None


def about_topup(found: Any, _shown: Any) -> EnvelopeFacts:
    return EnvelopeFacts(found.transaction_id)


class Failing(NamedTuple):
    """How an act reports that it succeeded here but failed outside, such as at a receiver."""

    kind: type[DomainError]
    detail: Callable[[Any], str | None]


@dataclass(frozen=True, kw_only=True)
class ActRow:
    """What all interfaces need to know about an act."""

    name: str
    summary: str
    # Below the API's prefix, with the object's ID, or an {account} given by ID or email address.
    path: str
    result: type
    # Makes the result's struct. If None, the result's `of` makes it, or the act returns it.
    view: Callable[[Any], Any] | None = None
    scopes: tuple[str, ...] = (ADMIN,)
    audience: tuple[Audience, ...] = (MERCHANT, OPERATOR)
    description: str = ""
    refuses: tuple[type[DomainError], ...] = ()
    owner_of: Callable[[Transaction, str], Awaitable[Tenant]] | None = None
    # True if the act belongs to an environment but no account, such as a list over all accounts.
    is_catalogue: bool = False
    is_account_wide: bool = False
    # True if the act is for the signed-in person's own account, even while they act for a colleague's.
    is_persons: bool = False
    examples: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    # The field of the view that is in the path.
    named_by: str = "id"
    # Makes the struct for one caller, if callers see different things.
    seen: Callable[[CallContext, Any], Any] | None = None
    told: Callable[[Any, Any], EnvelopeFacts] | None = None
    # The states of the top-up that decide the response's code. ok means a response without a
    # top-up.
    outcomes: tuple[TopUpStatus | Literal["ok"], ...] = ("ok",)
    # True if a wrong code counts ten times against the account's rate limit.
    guesses_code: bool = False
    # If this returns true for the view, the command exits with 1.
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
    # If this returns true for the view, the API responds 202 with the status pending.
    is_pending: Callable[[Any], bool] | None = None
    shows_secret: bool = False
    # True if the audit entry names the person who decided, such as with `--by` on the command line.
    names_person: bool = False
    moves_money: bool = False
    # The confirmation question, filled with the view's fields. Empty if nothing can be lost.
    asks: str = ""
    done: str = "Saved."
    # The act that a page offers afterwards.
    undo: str = ""
    applies: Callable[[Any], bool] | None = None
    asks_password: bool = False
    # Whether this call shows or changes something lasting in live, so that a user in a session must
    # enter the password again.
    asks_password_if: Callable[[ActContext, I], Awaitable[bool]] | None = None
    is_for_paused: bool = False
    is_for_suspended: bool = False
    # How often a merchant may run the act. The `run` of a StepsAct awaits `context.pace()` before it calls out.
    paces: tuple[Pace, ...] = ()
    # Whether an Idempotency-Key is used. A rehearsal needs none, because it changes nothing.
    takes_key: bool = True


@dataclass(frozen=True, kw_only=True)
class ApiAct(ChangingAct[I]):
    """An act that gateway/api runs itself, because its body or response has several forms."""


@dataclass(frozen=True, kw_only=True)
class Act(ChangingAct[I], Generic[I, R]):
    """An act in one transaction under the tenant's lock. The runner writes its audit entry."""

    run: Callable[[ActContext, I], Awaitable[Change[R]]]
    audit: Audited | Callable[[Any, Any], Sequence[Audited]] | None
    event: str | None = None
    # Returns a URL, whose host is resolved before the transaction.
    target: Callable[[I], str | None] | None = None
    prepare: Callable[[CallContext, I, Database], Awaitable[Any]] | None = None
    dry: type | None = None

    def __post_init__(self) -> None:
        """Reject acts that need a name look-up and are open to operators, because commands in process can't do one."""
        assert self.target is None or OPERATOR not in self.audience, self.name


@dataclass(frozen=True, kw_only=True)
class EngineAct(ChangingAct[I], Generic[I, R]):
    """An act that the engine decides in a batch. The command writes its own audit entry and events."""

    command: Callable[[CallContext, I], Awaitable[Command[R]]]
    refusal: Callable[[R], DomainError | None] | None = None

    def __post_init__(self) -> None:
        """Reject acts that return secrets, because the engine doesn't encrypt stored responses."""
        assert not self.shows_secret, self.name


@dataclass(frozen=True, kw_only=True)
class StepsAct(ChangingAct[I], Generic[I, R]):
    """An act of several transactions, with calls to a provider or supplier between them."""

    # No transaction is open. The function writes its own audit entries.
    run: Callable[[CallContext, I], Awaitable[R]]
    # If the process of the first call has died, a repeated call continues its work after this time.
    lease_s: int = 30
    failing: Failing | None = None


# Proxies commonly end a call after 60 s of silence.
WAIT_S_MAX: Final = 50


class WaitQuery(Fields, frozen=True, kw_only=True):
    """The time to wait for a change."""

    wait_s: Annotated[
        int,
        Meta(
            ge=0,
            le=WAIT_S_MAX,
            description="Seconds to wait for a change. The call returns as soon as there is one.",
        ),
    ] = 0


class State(NamedTuple):
    """What a wait compares, and whether the state is final."""

    topup_id: str
    status: str
    approval_status: str | None
    is_final: bool


@dataclass(frozen=True, kw_only=True)
class ReadAct(ActRow, Generic[R]):
    run: Callable[..., Awaitable[R]]
    query: type[Fields] = Fields
    # What a call with wait_s waits for. None if it doesn't wait.
    state: Callable[[R], State] | None = None
    prepare: Callable[[CallContext, Any, Database], Awaitable[Any]] | None = None

    async def read(self, context: ActContext, asked: Fields) -> R:
        return await (self.run(context) if self.query is Fields else self.run(context, asked))


@dataclass(frozen=True, kw_only=True)
class ApiRead(ActRow):
    """A read that gateway/api runs itself, because its response is streamed or has several forms."""

    query: type[Fields] = Fields


@dataclass(frozen=True, kw_only=True)
class ListAct(ActRow, Generic[Q, R]):
    # Returns at most the given number of rows after a place. Without prefix and own_cursors, it returns all.
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
    """An act that computes a short list and returns it whole, as JSON or CSV."""

    # No transaction is open, because the report may take minutes.
    run: Callable[[CallContext, I, Database], Awaitable[Sequence[R]]]
    query: type[I]


AloneAct = EngineAct[Any, Any] | StepsAct[Any, Any]
AnyRead = ReadAct[Any] | ApiRead
AnyChange = Act[Any, Any] | AloneAct | ApiAct[Any]
AnyAct = AnyChange | AnyRead | ListAct[Any, Any] | ReportAct[Any, Any]
