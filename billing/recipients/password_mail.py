"""Queue the mails about an owner's password.

A row names only the reset; the link is made when the mail is sent, so a used one isn't sent.
"""

from typing import Final

from billing.recipients import owner_mail
from billing.recipients.owner_mail import written_mail
from billing.topups.mail import HINT, MailRules
from kernel.tenant import Tenant
from keys.account import Account
from keys.sign_in.password_reset import PasswordReset
from store.database import Transaction

# People sign in to both environments; if any mail leaves, live's does.
PEOPLES_ENVIRONMENT: Final = "live"


def is_mailed(rules: MailRules, email: str) -> bool:
    return rules.is_sent(PEOPLES_ENVIRONMENT, email)


async def write_link(tx: Transaction, reset: PasswordReset) -> None:
    """Queue the mail; the caller has checked that mail to the address leaves."""
    mail = written_mail(
        Tenant(reset.account_id, PEOPLES_ENVIRONMENT),
        "password",
        data={"reset_id": reset.id},
        is_sent=True,
        now_us=reset.created_at,
    )
    await owner_mail.insert(tx, [mail])
    tx.hint(HINT)


async def write_changed(
    tx: Transaction, rules: MailRules, account: Account, *, now_us: int
) -> None:
    """Notify the owner, if mail to their address leaves."""
    if account.email is None or not is_mailed(rules, account.email):
        return
    mail = written_mail(
        Tenant(account.id, PEOPLES_ENVIRONMENT),
        "password_changed",
        data={"changed_at": now_us},
        is_sent=True,
        now_us=now_us,
    )
    await owner_mail.insert(tx, [mail])
    tx.hint(HINT)
