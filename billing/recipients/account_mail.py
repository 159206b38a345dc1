"""Queue and write mail about people's access to an account.

The address and the link are looked up when the mail is sent, so a used link isn't sent.
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
# This mail concerns both environments. Live is used, because staging never sends mail without live.
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
    """Write an invitation. It omits the account's name, because a stranger could put a message into that name."""
    say = language.say
    return OwnerLetter(
        language,
        say("{inviter} has invited you to join their account", inviter=inviter),
        (
            say(
                "{inviter} has invited you to help manage their AI credit account.", inviter=inviter
            ),
            say(
                "The link works once, until {when}. To use it, sign in with this address.",
                when=language.moment(expires_at),
            ),
        ),
        say("Open the invitation"),
        url,
        say(
            "If you don't know this person, ignore this email. You join the account only if you use the link."
        ),
    )


def password_letter(*, url: str, expires_at: int, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Choose a new password"),
        (
            say("Someone requested a new password for the account with this address."),
            say("The link works once, until {when}.", when=language.moment(expires_at)),
        ),
        say("Choose a new password"),
        url,
        say("If this wasn't you, ignore this email. Your password stays the same."),
    )


def password_changed_letter(*, changed_at: int, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your password was changed"),
        (
            say("Your password was changed on {when}.", when=language.moment(changed_at)),
            say("Other browsers are signed out. Keys and connected programs still work."),
        ),
        say("Sign in"),
        f"{public_url}{SIGN_IN_PATH}",
        say("If this wasn't you, choose a new password right away on this page:"),
        f"{public_url}{FORGOT_PATH}",
    )


def verification_letter(*, url: str, expires_at: int, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Verify your address"),
        (
            say("An account was created with this address. Is it yours?"),
            say("The link works once, until {when}.", when=language.moment(expires_at)),
        ),
        say("Verify your address"),
        url,
        say("If you didn't create an account, ignore this email. The address stays unverified."),
    )


def suspended_letter(*, reason: str, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your account is suspended"),
        (
            say("The operator of this service suspended your account ({reason}).", reason=reason),
            say(
                "Until the account is resumed, you can sign in and read, but not send, buy or create anything."
            ),
        ),
        say("Open the account"),
        f"{public_url}/dashboard",
        say("If you have questions, contact the operator of this service."),
    )


def resumed_letter(*, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your account is active again"),
        (say("Your account is no longer suspended. Everything works again."),),
        say("Open the account"),
        f"{public_url}/dashboard",
        say("Sends that failed in the meantime won't be retried. Send them again yourself."),
    )
