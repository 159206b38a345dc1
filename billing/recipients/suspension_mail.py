"""Queue the mail to an owner whose account was suspended or resumed."""

from typing import Final

from billing.recipients import owner_mail
from billing.recipients.owner_mail import written_mail
from billing.topups.mail import HINT, MailRules
from kernel.tenant import Tenant
from keys.account import Account
from store.database import Transaction

# Both environments are concerned; if any mail leaves, live's does.
_ENVIRONMENT: Final = "live"


async def write(tx: Transaction, rules: MailRules, account: Account, *, now_us: int) -> None:
    if account.email is None or not rules.is_sent(_ENVIRONMENT, account.email):
        return
    mail = written_mail(
        Tenant(account.id, _ENVIRONMENT),
        "resumed" if account.suspended_at is None else "suspended",
        data={"reason": account.suspended_for},
        is_sent=True,
        now_us=now_us,
    )
    await owner_mail.insert(tx, [mail])
    tx.hint(HINT)
