"""Write the mail that verifies an address, and its text.

The row names only the verification. The link is made when the mail is sent, so a used one isn't sent.
"""

from billing.recipients import owner_mail
from billing.recipients.language import Language
from billing.recipients.owner_mail import written_mail
from billing.recipients.owner_message import OwnerLetter
from billing.recipients.password_mail import PEOPLES_ENVIRONMENT
from billing.topups.mail import HINT
from kernel.tenant import Tenant
from keys.sign_in.email_verification import EmailVerification
from store.database import Transaction


async def write_verification(tx: Transaction, verification: EmailVerification) -> None:
    """Queue the mail; the caller has checked that mail to the address leaves."""
    mail = written_mail(
        Tenant(verification.account_id, PEOPLES_ENVIRONMENT),
        "address",
        data={"verification_id": verification.id},
        is_sent=True,
        now_us=verification.created_at,
    )
    await owner_mail.insert(tx, [mail])
    tx.hint(HINT)


def verification_letter(*, url: str, expires_at: int, language: Language) -> OwnerLetter:
    """Return the letter; url verifies the address once, until expires_at."""
    say = language.say
    return OwnerLetter(
        language,
        say("Verify your address"),
        (
            say("An account was made with this address. Is it yours?"),
            say("The link counts once, until {when}.", when=language.moment(expires_at)),
        ),
        say("Verify your address"),
        url,
        say("If you made no account, do nothing: the address stays unverified."),
    )
