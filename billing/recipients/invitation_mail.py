"""Queue the mail about an invitation.

The row names only the invitation; address and link are looked up when it is sent, so a used, withdrawn or
renewed one isn't sent.
"""

from typing import Final

from billing.recipients import owner_mail
from billing.recipients.owner_mail import written_mail
from billing.topups.mail import MailRules
from kernel.tenant import Tenant
from keys.member import Member
from store.database import Transaction

# A colleague acts in both environments; if any mail leaves, live's does.
_ENVIRONMENT: Final = "live"


def is_mailed(rules: MailRules, email: str) -> bool:
    return rules.is_sent(_ENVIRONMENT, email)


async def write(tx: Transaction, invited: Member, *, now_us: int) -> None:
    """Queue the mail; the caller has checked that mail to the address leaves."""
    mail = written_mail(
        Tenant(invited.account_id, _ENVIRONMENT),
        "invitation",
        data={"invitation_id": invited.invitation_id},
        is_sent=True,
        now_us=now_us,
    )
    await owner_mail.insert(tx, [mail])
