"""Accounts: create, list, change, suspend and resume accounts, and open or close their live environment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Protocol, Self

from msgspec import UNSET, Meta, UnsetType

from billing.credits.checkin import zone_of
from billing.credits.opening import open_account
from billing.recipients import account_mail
from billing.topups.mail import MailRules
from kernel.fields import Fields, Page, Text, said
from kernel.ids import number_of
from kernel.limits import EMAIL_CHARACTERS_MAX
from kernel.shaped import Shaped
from kernel.words import Micros, Time
from keys import account_access, second_factor
from keys.account import Account as Row, EmailTaken, get_account, set_operator, set_time_zone
from keys.account_access import REASON_CHARACTERS_MAX, close_live, open_live, verify_email
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct, ReadAct
from keys.notifications import NOTIFICATIONS, STAGING, Person
from keys.second_factor import SecondFactor
from store.database import Transaction
from store.keyset import NEWEST, Begin, Keyset
from store.row_mapping import RowMapping

Id = Annotated[str, Meta(pattern=r"^acc_[0-9A-Za-z]+$"), said("Account")]


class Account(Shaped, kw_only=True):
    """An account."""

    id: Id
    user_id: Annotated[int, Meta(description="A numeric ID, for APIs that require a number.")]
    name: Annotated[str, said("Name")]
    email: Annotated[
        str | None,
        Meta(description="The owner's email address, to sign in and for mail."),
        said("Email"),
    ]
    operator: Annotated[
        bool,
        Meta(description="Whether the account's own credentials may have the scope `admin`."),
        said("Operator"),
    ]
    sandbox: Annotated[
        bool,
        Meta(
            description="Whether the account is a sandbox: it exists only in staging, and is deleted when idle."
        ),
    ]
    live: Annotated[bool, Meta(description="Whether live credentials are allowed."), said("Live")]
    email_verified: Annotated[bool, Meta(description="Whether the email address was confirmed.")]
    suspended_at: Annotated[
        Time | None, Meta(description="The time of the suspension, if suspended.")
    ]
    suspended_for: Annotated[
        str | None,
        Meta(description="The reason for the suspension, which the owner can read."),
        said("Reason for suspension"),
    ]
    time_zone: Annotated[str, Meta(description="The time zone in which the account's days begin.")]
    created_at: Annotated[Time, said("Created")]
    last_active_at: Annotated[
        Time, Meta(description="The day of the latest call."), said("Last active")
    ]

    @classmethod
    def of(cls, row: Row, /, **more: Any) -> Self:
        return super().of(
            row,
            user_id=number_of(row.id),
            operator=row.is_operator,
            sandbox=row.is_sandbox,
            live=row.is_live_open,
            email_verified=row.email_verified_at is not None,
            **more,
        )


class AccountWithWallet(Account, kw_only=True):
    """An account, with its wallet's balance in one environment."""

    wallet_micros: Annotated[Micros, Meta(description="Purchased credit."), said("Wallet")]


class AccountDetails(Account, kw_only=True):
    """An account, with its two-factor status."""

    two_factor: Annotated[bool, Meta(description="Whether signing in requires a second factor.")]
    recovery_codes_left: Annotated[int, Meta(description="How many recovery codes are unused.")]

    @classmethod
    def of_found(cls, found: tuple[Row, SecondFactor | None]) -> Self:
        row, factor = found
        is_on = factor is not None and factor.confirmed_at is not None
        left = len(factor.recovery) if factor is not None and is_on else 0
        return cls.of(row, two_factor=is_on, recovery_codes_left=left)


class AccountPassword(Shaped, kw_only=True):
    """An account's new password. A generated password is shown only in this response."""

    id: Id
    email: str | None
    password: Annotated[str | None, said(is_secret=True)] = None


class PasswordLink(Shaped, kw_only=True):
    """A link to set a new password. The account's owner can use it once, until `expires_at`."""

    id: Id
    expires_at: Time
    url: str | None = None


class Told(Shaped, kw_only=True):
    """The kinds of email that one person receives about an account."""

    id: Annotated[str, Meta(description="The ID of the account with which the person signs in.")]
    email: Annotated[str | None, Meta(description="The person's email address.")]
    role: Annotated[str, Meta(description="owner, or the colleague's role.")]
    told: Annotated[
        list[str],
        Meta(
            description="The kinds of mail that the person gets. The owner always gets mail about failed payments."
        ),
    ]
    staging: Annotated[bool, Meta(description="Whether the person also gets mail for staging.")]

    @classmethod
    def of(cls, person: Person, /, **more: Any) -> Self:
        return super().of(
            person,
            id=person.person_id,
            told=[kind for kind in NOTIFICATIONS if kind in person.wanted],
            staging=STAGING in person.wanted,
            **more,
        )


ACCOUNT: Final = "/accounts/{account}"
_IsOperator = Annotated[
    bool,
    Meta(
        description="Whether the account's own credentials may have the scope `admin`. This can be set only on the"
        " installation's own machine."
    ),
]


class NewAccount(Fields, frozen=True, kw_only=True):
    """The account to create. Its staging wallet receives $10,000.00 of test credit."""

    name: Annotated[Text, Meta(description="The account's display name."), said("Name")]
    email: (
        Annotated[
            str,
            Meta(
                max_length=EMAIL_CHARACTERS_MAX,
                description="The owner's email address, for signing in. It is also the default recipient.",
            ),
            said("Email"),
        ]
        | None
    ) = None
    operator: _IsOperator = False


class AccountChanges(Fields, frozen=True, kw_only=True):
    """The fields to change. Omitted fields keep their values."""

    time_zone: (
        Annotated[
            str,
            Meta(
                max_length=64,
                description="The time zone in which the account's days begin, such as Asia/Kuwait. It applies after the next"
                " check-in.",
            ),
            said("Time zone"),
        ]
        | UnsetType
    ) = UNSET
    operator: _IsOperator | UnsetType = UNSET


class AccountsQuery(Page, frozen=True, kw_only=True):
    matching: Annotated[
        str,
        Meta(
            max_length=100,
            description="Return only accounts with this ID, or with this text in their name or address.",
        ),
        said("ID, name or email address"),
    ] = ""


class Suspension(Fields, frozen=True, kw_only=True):
    """The reason for suspending an account."""

    reason: Annotated[
        str,
        Meta(
            description=f"The reason, which the owner reads, in at most {REASON_CHARACTERS_MAX} characters."
        ),
        said("Why", hint="The owner sees this on each page and by mail."),
    ]


@dataclass(frozen=True, slots=True)
class _RowWithWallet(Row):
    wallet_micros: int


_WALLET: Final = """COALESCE((
    SELECT l.balance_micros FROM ledger_accounts l
    WHERE l.account_id = a.id AND l.environment = :environment AND l.kind = 'wallet' AND l.name = ''
), 0)"""
_ROWS: Final = RowMapping(_RowWithWallet)
# Filters don't use LIKE, which would treat an underscore as a wildcard.
_PAGES: Final = Keyset(
    f"{RowMapping(Row).of('a')}, {_WALLET} AS wallet_micros",
    "accounts a",
    filters={
        "matching": """(a.id = :matching OR REPLACE(LOWER(a.name), :lowered, '') <> LOWER(a.name)
            OR REPLACE(LOWER(a.email), :lowered, '') <> LOWER(a.email))"""
    },
    key="a.id",
    sorts={"name": "LOWER(a.name)", "wallet": _WALLET, "active": "a.last_active_at"},
)


class _Write(Protocol):
    def __call__(self, tx: Transaction, account_id: str, /, *, now_us: int) -> Awaitable[None]: ...


async def create_account(context: ActContext, asked: NewAccount) -> Change[Row]:
    if asked.operator:
        _require_machine(context)
    made = await open_account(
        context.tx,
        name=asked.name,
        email=asked.email,
        now_us=context.now_us,
        is_operator=asked.operator,
    )
    return Change(after=await get_account(context.tx, made))


async def list_accounts(
    context: ActContext, asked: AccountsQuery, begin: Begin, limit: int
) -> Sequence[_RowWithWallet]:
    rows = await _PAGES.page(
        context.tx,
        before_id=begin or NEWEST,
        limit=limit,
        environment=context.environment,
        matching=asked.matching or None,
        lowered=asked.matching.lower(),
    )
    return [_ROWS.read(row) for row in rows]


async def show_account(context: ActContext) -> tuple[Row, SecondFactor | None]:
    account_id = context.tenant.account_id
    factor = await second_factor.find(context.tx, account_id)
    return await get_account(context.tx, account_id), factor


async def change_account(context: ActContext, asked: AccountChanges) -> Change[Row]:
    tx, account_id = context.tx, context.tenant.account_id
    before = await get_account(tx, account_id)
    if asked.operator is not UNSET:
        _require_machine(context)
        await set_operator(tx, account_id, is_operator=asked.operator)
    if asked.time_zone is not UNSET:
        zone_of(asked.time_zone)
        await set_time_zone(tx, account_id, asked.time_zone)
    return Change(before=before, after=await get_account(tx, account_id))


async def suspend_account(context: ActContext, asked: Suspension) -> Change[Row]:
    before = await account_access.suspend(
        context.tx, context.tenant.account_id, asked.reason, now_us=context.now_us
    )
    return await _stands(context, before)


async def resume_account(context: ActContext, _asked: Fields) -> Change[Row]:
    return await _stands(
        context, await account_access.resume(context.tx, context.tenant.account_id)
    )


async def _stands(context: ActContext, before: Row) -> Change[Row]:
    after = await get_account(context.tx, before.id)
    if before.suspended_for != after.suspended_for:
        rules = context.service(MailRules)
        await account_mail.write_suspension(context.tx, rules, after, now_us=context.now_us)
    return Change(before=before, after=after)


async def _note(context: ActContext, _asked: Fields, *, write: _Write) -> Change[Row]:
    before = await get_account(context.tx, context.tenant.account_id)
    await write(context.tx, before.id, now_us=context.now_us)
    return Change(before=before, after=await get_account(context.tx, before.id))


def _require_machine(context: ActContext) -> None:
    context.require_machine(
        "An account can be made an operator's only on the installation's own machine:"
        " topup accounts set ACCOUNT --operator."
    )


def _changed(before: Row, after: Row) -> Sequence[Audited]:
    told: Mapping[str, Callable[[Row], Mapping[str, Any]]] = {
        "operator.set": lambda row: {"operator": row.is_operator},
        "account.zone": lambda row: {"time_zone": row.time_zone},
    }
    return [Audited(name, shows) for name, shows in told.items() if shows(before) != shows(after)]


def _audited_account(row: Row) -> Mapping[str, Any]:
    return {"name": row.name, "email": row.email, "operator": row.is_operator}


def _nothing(_row: Row) -> Mapping[str, Any]:
    return {}


CREATE_ACCOUNT = Act(
    name="accounts.create",
    summary="Create an account",
    description="The account exists in staging and live. Its staging wallet receives $10,000.00 of test credit.",
    path="/accounts",
    audience=(OPERATOR,),
    input=NewAccount,
    run=create_account,
    result=Account,
    status=201,
    refuses=(EmailTaken,),
    is_catalogue=True,
    is_account_wide=True,
    audit=Audited("account.created", _audited_account),
    done="The account is created.",
    examples=("topup accounts create --name Acme --email ops@acme.example",),
)
LIST_ACCOUNTS = ListAct(
    name="accounts.list",
    summary="List accounts with their balances",
    path="/accounts",
    audience=(OPERATOR,),
    query=AccountsQuery,
    run=list_accounts,
    result=AccountWithWallet,
    prefix="acc",
    sorts=_PAGES.sorts,
    is_catalogue=True,
    columns=(
        *("id", "name", "email", "wallet_micros", "operator", "suspended_for"),
        *("created_at", "last_active_at"),
    ),
    examples=("topup accounts list --matching acme",),
)
SHOW_ACCOUNT = ReadAct(
    name="accounts.show",
    summary="Show an account",
    path=ACCOUNT,
    audience=(OPERATOR,),
    run=show_account,
    view=AccountDetails.of_found,
    result=AccountDetails,
    is_account_wide=True,
    examples=("topup accounts show ops@acme.example",),
)
CHANGE_ACCOUNT = Act(
    name="accounts.set",
    summary="Change an account",
    method="PATCH",
    path=ACCOUNT,
    audience=(OPERATOR,),
    input=AccountChanges,
    run=change_account,
    result=Account,
    is_account_wide=True,
    audit=_changed,
    examples=(
        "topup accounts set ops@acme.example --time-zone Asia/Kuwait",
        "topup accounts set us@acme.example --operator",
    ),
)
SUSPEND_ACCOUNT = Act(
    name="accounts.suspend",
    summary="Suspend an account",
    description="The account can't spend or create anything in either environment, from now on. Its owner can"
    " still sign in and read. Top-ups that were accepted are still delivered, and webhooks are still"
    " sent. Scheduled sends fail at their time, and their funds are returned.",
    path=f"{ACCOUNT}/suspend",
    audience=(OPERATOR,),
    input=Suspension,
    run=suspend_account,
    result=Account,
    is_account_wide=True,
    audit=Audited("account.suspended", account_access.shown_suspension, is_whole=True),
    asks="Suspend {name} ({id})? All its keys stop spending at once, in staging and in live.",
    applies=lambda account: not account.operator and account.suspended_at is None,
    done="The account is suspended. Its owner can read, but can't spend or create anything.",
    examples=('topup accounts suspend ops@acme.example --reason "the card was reported stolen"',),
)
RESUME_ACCOUNT = Act(
    name="accounts.resume",
    summary="Resume an account",
    path=f"{ACCOUNT}/resume",
    audience=(OPERATOR,),
    input=Fields,
    run=resume_account,
    result=Account,
    moves_money=True,
    is_account_wide=True,
    audit=Audited("account.resumed", account_access.shown_suspension, is_whole=True),
    applies=lambda account: account.suspended_at is not None,
    done="The account is active again.",
    examples=("topup accounts resume ops@acme.example",),
)
OPEN_LIVE = Act(
    name="accounts.open-live",
    summary="Open live for an account",
    description="The account can then have live credentials and send real credit.",
    path=f"{ACCOUNT}/open-live",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_note, write=open_live),
    result=Account,
    moves_money=True,
    is_account_wide=True,
    audit=Audited("live.opened", _nothing),
    applies=lambda account: not (account.sandbox or account.live),
    done="Live is open for this account.",
    examples=("topup accounts open-live ops@acme.example",),
)
CLOSE_LIVE = Act(
    name="accounts.close-live",
    summary="Close live for an account",
    description="The account's live keys and tokens stop working within a second, until live is opened again.",
    path=f"{ACCOUNT}/close-live",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_note, write=close_live),
    result=Account,
    is_account_wide=True,
    audit=Audited("live.closed", _nothing),
    asks="Close live for {name} ({id})? Its live keys and tokens stop working until you open it again.",
    applies=lambda account: account.live,
    done="Live is closed for the account.",
    examples=("topup accounts close-live ops@acme.example",),
)
VERIFY_EMAIL = Act(
    name="accounts.verify-email",
    summary="Record that an account's email address is verified",
    description="With TOPUP_SELF_SERVE_LIVE, the owner can then open live.",
    path=f"{ACCOUNT}/verify-email",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_note, write=verify_email),
    result=Account,
    moves_money=True,
    is_account_wide=True,
    audit=Audited("email.verified", _nothing),
    applies=lambda account: account.email is not None and not account.email_verified,
    done="The address is verified.",
    examples=("topup accounts verify-email ops@acme.example",),
)
ACTS = (
    CREATE_ACCOUNT,
    LIST_ACCOUNTS,
    SHOW_ACCOUNT,
    CHANGE_ACCOUNT,
    SUSPEND_ACCOUNT,
    RESUME_ACCOUNT,
    OPEN_LIVE,
    CLOSE_LIVE,
    VERIFY_EMAIL,
)
