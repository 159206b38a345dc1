"""Queue and write mail about people's access.

Address and link are looked up on sending, so a used link isn't sent.
"""

from typing import Any, Final

from billing.recipients import owner_mail
from billing.recipients.language import Language
from billing.recipients.letter import OwnerLetter
from billing.recipients.owner_mail import OwnerMailKind, written_mail
from billing.topups.mail import HINT, MailRules
from kernel.tenant import Tenant
from keys.account import Account
from keys.member import Member
from keys.sign_in.email_verification import EmailVerification
from keys.sign_in.password_reset import PasswordReset
from store.database import Transaction

SIGN_IN_PATH: Final = "/sign-in"
FORGOT_PATH: Final = "/forgot-password"
# People sign in to both environments; if any mail leaves, live's does.
_ENVIRONMENT: Final = "live"


def is_mailed(rules: MailRules, email: str | None) -> bool:
    return email is not None and rules.is_sent(_ENVIRONMENT, email)


async def write_invitation(tx: Transaction, invited: Member, *, now_us: int) -> None:
    data = {"invitation_id": invited.invitation_id}
    await _write(tx, invited.account_id, "invitation", data, now_us)


async def write_password_link(tx: Transaction, reset: PasswordReset) -> None:
    await _write(tx, reset.account_id, "password", {"reset_id": reset.id}, reset.created_at)


async def write_verification(tx: Transaction, verification: EmailVerification) -> None:
    data = {"verification_id": verification.id}
    await _write(tx, verification.account_id, "address", data, verification.created_at)


async def write_password_changed(
    tx: Transaction, rules: MailRules, account: Account, *, now_us: int
) -> None:
    if is_mailed(rules, account.email):
        await _write(tx, account.id, "password_changed", {"changed_at": now_us}, now_us)


async def write_suspension(
    tx: Transaction, rules: MailRules, account: Account, *, now_us: int
) -> None:
    if is_mailed(rules, account.email):
        kind: OwnerMailKind = "resumed" if account.suspended_at is None else "suspended"
        await _write(tx, account.id, kind, {"reason": account.suspended_for}, now_us)


async def _write(
    tx: Transaction, account_id: str, kind: OwnerMailKind, data: dict[str, Any], now_us: int
) -> None:
    tenant = Tenant(account_id, _ENVIRONMENT)
    mail = written_mail(tenant, kind, data=data, is_sent=True, now_us=now_us)
    await owner_mail.insert(tx, [mail])
    tx.hint(HINT)


def invitation_letter(
    *, inviter: str, expires_at: int, url: str, language: Language
) -> OwnerLetter:
    """Name only the inviter's address: an account's name is free text that a stranger could use
    as mail.
    """
    say = language.say
    return OwnerLetter(
        language,
        say("{inviter} invites you to their account", inviter=inviter),
        (
            say("{inviter} invites you to act for their account of AI credit.", inviter=inviter),
            say(
                "The link works once, until {when}, for whoever signs in with this address.",
                when=language.moment(expires_at),
            ),
        ),
        say("Look at the invitation"),
        url,
        say("If you do not know who that is, do nothing: you join nothing without this link."),
    )


def password_letter(*, url: str, expires_at: int, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Choose a new password"),
        (
            say("Somebody asked for a new password for the account with this address."),
            say("The link works once, until {when}.", when=language.moment(expires_at)),
        ),
        say("Choose a new password"),
        url,
        say("If it was not you, do nothing: your password stays as it is."),
    )


def password_changed_letter(*, changed_at: int, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your password was changed"),
        (
            say("The password was changed at {when}.", when=language.moment(changed_at)),
            say("Other browsers are signed out. Keys and connected programs work as before."),
        ),
        say("Sign in"),
        f"{public_url}{SIGN_IN_PATH}",
        say("If it wasn't you, choose a new password now on this page:"),
        f"{public_url}{FORGOT_PATH}",
    )


def verification_letter(*, url: str, expires_at: int, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Verify your address"),
        (
            say("An account was made with this address. Is it yours?"),
            say("The link works once, until {when}.", when=language.moment(expires_at)),
        ),
        say("Verify your address"),
        url,
        say("If you made no account, do nothing: the address stays unverified."),
    )


def suspended_letter(*, reason: str, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your account is suspended"),
        (
            say("Whoever runs this service suspended your account: {reason}", reason=reason),
            say(
                "Nothing can be sent, bought or made until it is resumed. You can sign in and read."
            ),
        ),
        say("Look at the account"),
        f"{public_url}/dashboard",
        say("Whoever runs this service answers your questions about it."),
    )


def resumed_letter(*, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your account is active again"),
        (say("Your account is no longer suspended: everything works as before."),),
        say("Look at the account"),
        f"{public_url}/dashboard",
        say("What failed in the meantime isn't sent automatically: send it again."),
    )
