"""Acts: each thing that a merchant or an operator can do or read, declared once for every door.

The API, the command line, the dashboard and their documents are made from an act's row
(docs/architecture.md), and runtime/acts.py runs it. So a rule, a field and an audit entry can't differ
between doors.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar, cast

from msgspec import Meta

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
# On the installation's own machine: for acts that would turn a borrowed token into lasting access.
MACHINE: Final[Audience] = "machine"


R_co = TypeVar("R_co", covariant=True)


class Command(Protocol[R_co]):
    """A command of the engine's group commit, as billing/engine/engine.py has it."""

    def declare(self, read_set: Any) -> None:
        """Add the tenants to lock and the rows to read."""
        ...

    def decide(self, state: Any) -> R_co:
        """Change the batch's state and return the result, or raise a DomainError and change nothing."""
        ...


class Services(Protocol):
    """What an act needs beside its transaction, by type: a vault, a registry, a higher package's check."""

    def __call__(self, kind: type[S], /) -> S: ...


async def _unpaced() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """Who calls an act, and for which object. No transaction is open."""

    # A catalogue has no account; an account as a whole has no environment.
    tenant: Tenant
    # Whose authority limits the act. None: an operator's.
    asker: Principal | None
    by: Actor
    now_us: int
    service: Services
    person: str = ""
    # The first and the second id in the path; empty: none.
    object_id: str = ""
    inner_id: str = ""
    # Identifies the call under its Idempotency-Key, so that a repeated call continues; None: it has no key.
    request_digest: str | None = None
    # Counts a call by the row's paces before it calls out; raises if there were too many.
    pace: Callable[[], Awaitable[None]] = _unpaced

    @property
    def environment(self) -> Environment:
        return cast(Environment, self.tenant.environment)

    @property
    def caller(self) -> Principal:
        """Return the credential of a merchant's act."""
        assert self.asker is not None, "merchants alone"
        return self.asker

    @property
    def database(self) -> Database:
        return self.service(Database)  # type: ignore[type-abstract]

    def require_machine(self, words: str) -> None:
        """Raise ScopeMissing, with these words, unless this is the installation's own machine."""
        if self.by.kind != "cli":
            raise ScopeMissing(words, reason="scope")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActContext(CallContext):
    tx: Transaction
    # The result of the act's `prepare`.
    prepared: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Generic[R]):
    # As it was before its deletion, if it is gone.
    after: R
    # None: the object is new, or the audit entry shows no state before.
    before: R | None = None
    shown_once: Mapping[str, Any] = field(default_factory=dict)
    # The audit entry's content if the object doesn't show what was done, such as a rotation.
    noted: Mapping[str, Any] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    is_gone: bool = False

    @property
    def is_change(self) -> bool:
        is_new = self.before is None or self.is_gone
        return is_new or self.noted is not None or self.before != self.after


class Audited(NamedTuple):
    """How a change appears in the audit log."""

    action: str
    shows: Callable[[Any], Mapping[str, Any]]
    # Record before and after whole, not only where they differ.
    is_whole: bool = False


class Pace(NamedTuple):
    """How many calls an account may make at once, and as many again in each period."""

    calls: int
    period_s: int
    # The calls in words, such as "test pings of one webhook".
    what: str
    is_per_object: bool = False
    # For anonymous sandbox accounts alone.
    is_sandbox: bool = False


class Told(NamedTuple):
    """What a response says of its top-up beside the data."""

    id: str | None = None
    # Empty: the response's status is ok.
    status: str = ""
    # Of the approval that it waits for.
    approval_id: str | None = None
    # The data shows this code of this top-up once; a stored response has it no more.
    voucher_of: str | None = None
    voucher_code: str | None = None
    # When it was done, if a repeated call says so, too. None: the response has its own time.
    at_us: int | None = None


def about_topup(found: Any, _shown: Any) -> Told:
    return Told(found.transaction_id)


class Failing(NamedTuple):
    """How an act that was done may have failed outside, such as at a receiver.

    The API stores that response too, and shows the result beside the error.
    """

    kind: type[DomainError]
    # What failed; None: nothing.
    detail: Callable[[Any], str | None]


@dataclass(frozen=True, kw_only=True)
class ActRow:
    """What every door reads of an act."""

    # Such as keys.pause; the command line writes a space for the dot.
    name: str
    summary: str
    # Below the API's prefix. Its parameter is the object's id, or an {account} by its id or address.
    path: str
    result: type
    # Makes the result's struct; None: its `of` does, unless the act returns the struct itself.
    view: Callable[[Any], Any] | None = None
    scopes: tuple[str, ...] = (ADMIN,)
    audience: tuple[Audience, ...] = (MERCHANT, OPERATOR)
    description: str = ""
    refuses: tuple[type[DomainError], ...] = ()
    # So that an operator needn't name the tenant.
    owner_of: Callable[[Transaction, str], Awaitable[Tenant]] | None = None
    # Of an environment and of no account, such as a list over all accounts.
    is_catalogue: bool = False
    # Of an account as a whole, in both environments.
    is_account_wide: bool = False
    examples: tuple[str, ...] = ()
    # The most important first.
    columns: tuple[str, ...] = ()
    # The field of the view that the path's parameter names.
    named_by: str = "id"
    # Makes the result's struct for a caller; a file has the struct of `view`. None: all callers see the same.
    seen: Callable[[CallContext, Any], Any] | None = None
    # What the response says of the top-up that it is about, from the result and its struct. None: it is
    # about none.
    told: Callable[[Any, Any], Told] | None = None
    # The states of that top-up which are the response's code; ok: a response without them.
    outcomes: tuple[TopUpStatus | Literal["ok"], ...] = ("ok",)
    # The caller names a secret code: a wrong one takes ten times as much of the account's budget.
    guesses_code: bool = False
    # Whether somebody has to act; the command then exits with 1.
    alarm: Callable[[Mapping[str, Any]], bool] | None = None
    # For a person in a browser, and no other credential.
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
    """An act that changes something: in a transaction, by a command of the engine, or in steps."""

    input: type[I]
    # The API has the input in the query instead of the body.
    is_in_query: bool = False
    # The input's field that names the object, where the path doesn't; a command takes it as its argument.
    about: str = ""
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    status: Literal[200, 201, 202] = 200
    # Decides from a view whether it has not ended; the API then responds with 202 and status pending.
    is_pending: Callable[[Any], bool] | None = None
    # The result has a secret, so the stored response is sealed.
    shows_secret: bool = False
    # The audit entry names the deciding person, whom `--by` names on a machine of several people.
    names_person: bool = False
    # For operators the act needs the scope of money.
    moves_money: bool = False
    # A question before the act, filled with the view's fields; empty: nothing can be lost.
    asks: str = ""
    done: str = "Saved."
    # The act that a page offers afterwards.
    undo: str = ""
    # From a view, whether a page offers the act; None: always.
    applies: Callable[[Any], bool] | None = None
    asks_password: bool = False
    is_for_paused: bool = False
    is_for_suspended: bool = False


@dataclass(frozen=True, kw_only=True)
class Act(ChangingAct[I], Generic[I, R]):
    """An act in one transaction under the tenant's lock. The runner writes its audit entry."""

    run: Callable[[ActContext, I], Awaitable[Change[R]]]
    # A function of before and after gives this change's entries. None: the rule writes the entry.
    audit: Audited | Callable[[Any, Any], Sequence[Audited]] | None
    event: str | None = None
    # Whether this call shows or moves a live secret, so that a session gives its password again.
    asks_password_if: Callable[[ActContext, I], Awaitable[bool]] | None = None
    # Its host is looked up before the transaction.
    target: Callable[[I], str | None] | None = None
    # Before the transaction, so nothing is locked meanwhile. A repeated call skips it.
    prepare: Callable[[CallContext, I, Database], Awaitable[Any]] | None = None
    # With dry_run, which changes nothing and stores no response.
    dry: type | None = None

    def __post_init__(self) -> None:
        """Check that no operator's act needs a look-up: the command line in process has none."""
        assert self.target is None or OPERATOR not in self.audience, self.name


@dataclass(frozen=True, kw_only=True)
class EngineAct(ChangingAct[I], Generic[I, R]):
    """An act that is a command of the engine's group commit, which writes its audit entry and events.

    The response's bytes are made from the result before the commit.
    """

    # Makes the command; it may read first, and writes nothing. The command names `by` and, for operators,
    # `person`.
    command: Callable[[CallContext, I], Awaitable[Command[R]]]
    # What the command refused after all, although it changed something. None: nothing.
    refusal: Callable[[R], DomainError | None] | None = None

    def __post_init__(self) -> None:
        """Check that the engine, which seals no response, gets no secret."""
        assert not self.shows_secret, self.name


@dataclass(frozen=True, kw_only=True)
class StepsAct(ChangingAct[I], Generic[I, R]):
    """An act of several transactions, with a call to a provider or supplier between them."""

    # No transaction is open while it waits; it writes its own audit entries.
    run: Callable[[CallContext, I], Awaitable[R]]
    # With an Idempotency-Key, a second call takes over this long after the first one's process died.
    lease_s: int = 30
    # How often a merchant may have the gateway call out; `run` awaits `context.pace()` before.
    paces: tuple[Pace, ...] = ()
    failing: Failing | None = None


# Proxies commonly end a call that has said nothing for 60 s.
WAIT_S_MAX: Final = 50


class WaitQuery(Fields, frozen=True, kw_only=True):
    """How long the call may wait for a change of what is not at its end."""

    wait_s: Annotated[
        int,
        Meta(
            ge=0,
            le=WAIT_S_MAX,
            description="Seconds to wait for a change; the answer comes as soon as there is one.",
        ),
    ] = 0


class State(NamedTuple):
    """What a wait compares. is_final: nothing to wait for."""

    topup_id: str
    status: str
    approval_status: str | None
    is_final: bool


@dataclass(frozen=True, kw_only=True)
class ReadAct(ActRow, Generic[R]):
    # Takes the query if that has fields.
    run: Callable[..., Awaitable[R]]
    query: type[Fields] = Fields
    # What an API call with wait_s of a WaitQuery waits for a change of; None: it does not wait.
    state: Callable[[R], State] | None = None
    # Reads for long, or calls a provider, before the transaction.
    prepare: Callable[[CallContext, Any, Database], Awaitable[Any]] | None = None

    async def read(self, context: ActContext, asked: Fields) -> R:
        return await (self.run(context) if self.query is Fields else self.run(context, asked))


@dataclass(frozen=True, kw_only=True)
class ListAct(ActRow, Generic[Q, R]):
    # Gives at most so many rows after a place; all if there is neither prefix nor own_cursors.
    run: Callable[[ActContext, Q, Begin, int], Awaitable[Sequence[R]]]
    query: type[Q]
    # Of the ids that are the list's cursors.
    prefix: str = ""
    # Identifies the views of a list without cursors; None: by named_by.
    cursor: Callable[[Any], str] | None = None
    # run reads the cursor itself, and gives a ListStretch whose end is the next one.
    own_cursors: bool = False
    sorts: Collection[str] = ()
    # The fields of its CSV; empty: there is no CSV.
    export: tuple[str, ...] = ()
    # The amount that a page adds up, and the field of its currency, if it isn't in US cents.
    summed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReportAct(ActRow, Generic[I, R]):
    """An act that adds up a short list in several transactions. It is returned whole, as JSON or as CSV."""

    # No transaction is open while it runs, since adding up may take minutes.
    run: Callable[[CallContext, I, Database], Awaitable[Sequence[R]]]
    query: type[I]


AloneAct = EngineAct[Any, Any] | StepsAct[Any, Any]
AnyChange = Act[Any, Any] | AloneAct
AnyAct = AnyChange | ReadAct[Any] | ListAct[Any, Any] | ReportAct[Any, Any]
