"""The mail about an invitation, as a row that is written with it. Writes owner_mails.

The row names only the invitation; its address is looked up and its link made when it is sent
(worker/money/owner_mail.py), so one that was used, withdrawn or renewed meanwhile isn't sent.
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
    """Return whether mail to that address leaves."""
    return rules.is_sent(_ENVIRONMENT, email)


async def write(tx: Transaction, invited: Member, *, now_us: int) -> None:
    """Write a mail that is due now. The caller has checked that mail to the address leaves."""
    mail = written_mail(
        Tenant(invited.account_id, _ENVIRONMENT),
        "invitation",
        data={"invitation_id": invited.invitation_id},
        is_sent=True,
        now_us=now_us,
    )
    await owner_mail.insert(tx, [mail])
