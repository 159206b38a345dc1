"""An act: one thing that a merchant or an operator can do or read, declared once for every door.

The row of an act lies in its subject's acts.py. The API, the command line, the dashboard and their documents
are made from it (docs/architecture.md): a door reads what was asked for, has runtime/acts.py run the act, and
shows the result. So a rule, a field and an audit entry cannot differ between doors.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar, cast

from kernel.errors import DomainError
from kernel.fields import Fields, Page
from kernel.tenant import Tenant
from keys.audit_log import Actor
from keys.principal import Environment, Principal, ScopeMissing
from store.database import Transaction
from store.keyset import Begin

I = TypeVar("I", bound=Fields)  # noqa: E741 an input
Q = TypeVar("Q", bound=Page)
R = TypeVar("R")
S = TypeVar("S")

Audience = Literal["merchant", "operator", "machine"]
MERCHANT: Final[Audience] = "merchant"
OPERATOR: Final[Audience] = "operator"
# An operator on the installation's own machine: what would let whoever holds a token for a moment become somebody.
MACHINE: Final[Audience] = "machine"


R_co = TypeVar("R_co", covariant=True)


class Command(Protocol[R_co]):
    """A command of the engine's group commit, as billing/engine/command.py has it."""

    def declare(self, read_set: Any) -> None:
        """Add the tenants to lock and the rows to read."""
        ...

    def decide(self, state: Any) -> R_co:
        """Change the batch's state and return the result, or raise a DomainError and change nothing."""
        ...


class Services(Protocol):
    """What an act needs beside its transaction, by type: a vault, a registry, a higher package's check."""

    def __call__(self, kind: type[S], /) -> S:
        """Return the part of that type."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """Who calls an act, and what about. No transaction is open.

    tenant: whose rows it touches; the account is empty for a catalogue, the environment for an account as a whole. asker: whose authority bounds the act;
    None: an operator's, which nothing of the tenant's bounds. by: whom the audit log names. person: the name of
    whoever decides, for people. object_id: what the path names; empty: the path names nothing.
    """

    tenant: Tenant
    asker: Principal | None
    by: Actor
    now_us: int
    service: Services
    person: str = ""
    object_id: str = ""

    @property
    def environment(self) -> Environment:
        """Return the tenant's environment."""
        return cast(Environment, self.tenant.environment)

    def require_machine(self, words: str) -> None:
        """Raise ScopeMissing, which says that words alone, unless this is the installation's own machine."""
        if self.by.kind != "cli":
            raise ScopeMissing(words, reason="scope")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActContext(CallContext):
    """The same within the act's transaction."""

    tx: Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Generic[R]):
    """What an act did. before: None for a new object. shown_once: secrets, by the fields of the act's result.

    noted: what the audit entry says in place of the object, where the object doesn't show what was done. told: what
    the entry says beside the object. reason: why, as the person said. is_gone: after is the object that is no more.
    """

    after: R
    before: R | None = None
    shown_once: Mapping[str, Any] = field(default_factory=dict)
    noted: Mapping[str, Any] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    is_gone: bool = False

    @property
    def is_change(self) -> bool:
        """Return whether anything is different now; an audit entry and an event are written only then."""
        is_new = self.before is None or self.is_gone
        return is_new or self.noted is not None or self.before != self.after


class Audited(NamedTuple):
    """How an act stands in the audit log. action: its name there. shows: what an entry says of the object.

    is_whole: before and after are said whole, not only where they differ.
    """

    action: str
    shows: Callable[[Any], Mapping[str, Any]]
    is_whole: bool = False


@dataclass(frozen=True, kw_only=True)
class ActRow:
    """What every door reads of an act.

    name: the subject and the verb, keys.pause; the command line says it with a space. path: below the API's
    prefix; its one parameter is the object's id, or an {account} by its id or address. owner_of: finds the tenant
    of an object, for an operator, who need not say whose it is. is_catalogue: of an environment and of no account,
    such as a list of everybody's.
    is_account_wide: of an account as a whole, in both environments. columns: what a table shows, the
    most important first. examples: whole command lines. named_by: the field of the object's view that the path's
    parameter is. topup_of: finds the id of the top-up that an answer is about. alarm: whether what
    was read, or a row of it, needs somebody; the command then exits with 1. The other fields are a Route's.
    """

    name: str
    summary: str
    path: str
    scopes: tuple[str, ...]
    result: type
    view: Callable[[Any], Any]
    audience: tuple[Audience, ...] = (MERCHANT, OPERATOR)
    description: str = ""
    refuses: tuple[type[DomainError], ...] = ()
    owner_of: Callable[[Transaction, str], Awaitable[Tenant]] | None = None
    is_catalogue: bool = False
    is_account_wide: bool = False
    examples: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    named_by: str = "id"
    topup_of: Callable[[Any], str | None] | None = None
    alarm: Callable[[Mapping[str, Any]], bool] | None = None

    @property
    def names_account(self) -> bool:
        """Return whether the path names the account whose rows are meant."""
        return "{account}" in self.path


@dataclass(frozen=True, kw_only=True)
class ChangingAct(ActRow, Generic[I]):
    """An act that changes something: in a transaction, by a command of the engine, or in steps.

    shows_secret: the result has a secret, so that the kept answer lies sealed. names_person: its entry names who
    decides, which `--by` says on a machine of several people. done: the sentence a page shows afterwards. applies: whether an
    object's view is in a state for it, so that a page offers it; None: any is. moves_money: for operators it needs the scope of
    money. asks: what
    a person is asked first, filled with the fields of the object's view; empty: nothing is lost that cannot be
    taken back. is_pending: of the view: whether it has not ended, so that the API answers 202 with status pending.
    """

    input: type[I]
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    status: Literal[200, 201, 202] = 200
    is_pending: Callable[[Any], bool] | None = None
    shows_secret: bool = False
    names_person: bool = False
    done: str = "Saved."
    applies: Callable[[Any], bool] | None = None
    moves_money: bool = False
    asks: str = ""
    asks_password: bool = False
    session_only: bool = False
    is_for_paused: bool = False
    is_for_suspended: bool = False


@dataclass(frozen=True, kw_only=True)
class Act(ChangingAct[I], Generic[I, R]):
    """An act in one transaction under the tenant's lock.

    event: the event that tells of a change; None: none does. audit: how it stands in the audit log; a function of
    before and after: the entries of this change; None: its rule writes the entry, or the object itself says who did
    it. target: the caller's web address among the input, whose host is looked up before the transaction; merchants'
    acts alone have one. asks_password_if: whether this call shows or moves a secret of live, so that a session has
    to give its password again.
    """

    run: Callable[[ActContext, I], Awaitable[Change[R]]]
    audit: Audited | Callable[[Any, Any], Sequence[Audited]] | None
    event: str | None = None
    asks_password_if: Callable[[ActContext, I], Awaitable[bool]] | None = None
    target: Callable[[I], str | None] | None = None

    def __post_init__(self) -> None:
        """Check that no operator's call needs a look-up: the command line in process has none."""
        assert self.target is None or OPERATOR not in self.audience, self.name


@dataclass(frozen=True, kw_only=True)
class EngineAct(ChangingAct[I], Generic[I, R]):
    """An act that is a command of the engine's group commit, so that money moves with others' in one transaction.

    command: makes the command; it may read first, and writes nothing. The command writes its audit entry and its
    events, naming `by` and, for operators, `person`. The response's bytes are made from the result before the commit.
    """

    command: Callable[[CallContext, I], Awaitable[Command[R]]]

    def __post_init__(self) -> None:
        """Check that the engine, which seals no answer, is given no secret to keep."""
        assert not self.shows_secret, self.name


@dataclass(frozen=True, kw_only=True)
class StepsAct(ChangingAct[I], Generic[I, R]):
    """An act of several transactions, with a call to somebody else between them.

    run: nothing is open while it waits; it writes its own audit entries. Under an Idempotency-Key a row with a lease
    goes first, so that of two calls one runs; a call whose process died is taken over after lease_s, and has to find
    what was done.
    """

    run: Callable[[CallContext, I], Awaitable[R]]
    lease_s: int = 30


@dataclass(frozen=True, kw_only=True)
class ReadAct(ActRow, Generic[R]):
    """An act that reads one thing.

    query: what is asked of it; without fields nothing is, and run takes the context alone.
    """

    run: Callable[..., Awaitable[R]]
    query: type[Fields] = Fields

    async def read(self, context: ActContext, asked: Fields) -> R:
        """Return what was asked for."""
        return await (self.run(context) if self.query is Fields else self.run(context, asked))


@dataclass(frozen=True, kw_only=True)
class ListAct(ActRow, Generic[Q, R]):
    """An act that reads a page of a list.

    run: gives the rows from a place on, at most so many; all of them if there is neither prefix nor own_cursors.
    prefix: of the ids that are its cursors. own_cursors: run reads the cursor itself, and gives a ListStretch whose
    end is the next one. cursor: tells the views of a list without either apart; None: named_by does. sorts: of the list's Keyset. export: the fields that its CSV has;
    empty: there is no CSV.
    """

    run: Callable[[ActContext, Q, Begin, int], Awaitable[Sequence[R]]]
    query: type[Q]
    prefix: str = ""
    cursor: Callable[[Any], str] | None = None
    own_cursors: bool = False
    sorts: Collection[str] = ()
    export: tuple[str, ...] = ()


AloneAct = EngineAct[Any, Any] | StepsAct[Any, Any]
AnyChange = Act[Any, Any] | AloneAct
AnyAct = AnyChange | ReadAct[Any] | ListAct[Any, Any]
