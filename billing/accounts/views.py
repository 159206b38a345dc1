"""What operators see of an account, its people and its security log."""

from typing import Annotated, Any, Self

from msgspec import Meta

from kernel.fields import said
from kernel.ids import number_of
from kernel.shaped import Shaped
from kernel.words import Micros, Time
from keys.account import Account as Row
from keys.notifications import NOTIFICATIONS, STAGING, Person
from keys.second_factor import SecondFactor

Id = Annotated[str, Meta(pattern=r"^acc_[0-9A-Za-z]+$"), said("Account")]


class Account(Shaped, kw_only=True):
    """An account."""

    id: Id
    user_id: Annotated[int, Meta(description="Its id where a dialect wants a number.")]
    name: Annotated[str, said("Name")]
    email: Annotated[
        str | None, Meta(description="It signs in with it, and gets mail there."), said("Email")
    ]
    operator: Annotated[
        bool, Meta(description="Its own credentials may carry `admin`."), said("Operator")
    ]
    sandbox: Annotated[bool, Meta(description="It is staging's only, and goes when it is idle.")]
    live: Annotated[bool, Meta(description="It may hold live credentials."), said("Live")]
    email_verified: Annotated[bool, Meta(description="Somebody reads the mail of its address.")]
    suspended_at: Annotated[
        Time | None, Meta(description="Since when an operator stops what it spends and makes.")
    ]
    suspended_for: Annotated[
        str | None, Meta(description="Why; its owner reads it."), said("Suspended for")
    ]
    time_zone: Annotated[str, Meta(description="Where its days begin.")]
    created_at: Annotated[Time, said("Created")]
    last_active_at: Annotated[
        Time, Meta(description="To the day, of its latest call."), said("Last active")
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
    """An account, with its wallet in one environment."""

    wallet_micros: Annotated[
        Micros, Meta(description="The purchased credit that it has."), said("Wallet")
    ]


class AccountDetails(Account, kw_only=True):
    """An account, and whether its sign-in needs a second factor."""

    two_factor: Annotated[bool, Meta(description="Signing in takes a code or a passkey, too.")]
    recovery_codes_left: Annotated[int, Meta(description="Each gets in once without the phone.")]

    @classmethod
    def of_found(cls, found: tuple[Row, SecondFactor | None]) -> Self:
        row, factor = found
        is_on = factor is not None and factor.confirmed_at is not None
        left = len(factor.recovery) if factor is not None and is_on else 0
        return cls.of(row, two_factor=is_on, recovery_codes_left=left)


class AccountPassword(Shaped, kw_only=True):
    """A generated password is shown this once."""

    id: Id
    email: str | None
    password: Annotated[str | None, said(is_secret=True)] = None


class PasswordLink(Shaped, kw_only=True):
    """Sets a password, once, until expires_at."""

    id: Id
    expires_at: Time
    url: str | None = None


class Colleague(Shaped, kw_only=True):
    """A colleague who joined an account, or is invited."""

    id: str
    email: Annotated[str, Meta(description="Where the invitation went.")]
    role: Annotated[str, Meta(description="What they may do.")]
    joined_at: Annotated[Time | None, Meta(description="null: invited, and not joined yet.")]
    person_id: Annotated[str | None, Meta(description="The account that they sign in with.")]


class Told(Shaped, kw_only=True):
    """What mail the owner or a colleague gets."""

    id: Annotated[str, Meta(description="The account that they sign in with.")]
    email: Annotated[str | None, Meta(description="Where mail to them goes.")]
    role: Annotated[str, Meta(description="owner, or what they may do as a colleague.")]
    told: Annotated[list[str], Meta(description="Of what; of failed payments always the owner.")]
    staging: Annotated[bool, Meta(description="Whether what is on counts in staging, too.")]

    @classmethod
    def of(cls, person: Person, /, **more: Any) -> Self:
        return super().of(
            person,
            id=person.person_id,
            told=[kind for kind in NOTIFICATIONS if kind in person.wanted],
            staging=STAGING in person.wanted,
            **more,
        )
