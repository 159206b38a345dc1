"""The mail about an invitation, as a row that is written with it. Writes owner_mails.

Invariant: the row names the invitation alone; its address is looked up, and its link worked out, when it is sent
(worker/money/owner_mail.py), so that one which was used, withdrawn or renewed meanwhile does not leave.
"""

from typing import Final

from billing.recipients import owner_mail
from billing.recipients.owner_mail import written_mail
from billing.topups.mail import MailRules
from kernel.tenant import Tenant
from keys.member import Member
from store.database import Transaction

# A colleague acts in both environments; wherever mail leaves at all, live's does.
_ENVIRONMENT: Final = "live"


def is_mailed(rules: MailRules, email: str) -> bool:
    """Whether mail to that address leaves at all."""
    return rules.is_sent(_ENVIRONMENT, email)


async def write(tx: Transaction, invited: Member, *, now_us: int) -> None:
    """Due now. The caller looked whether mail to the address leaves."""
    mail = written_mail(
        Tenant(invited.account_id, _ENVIRONMENT),
        "invitation",
        data={"invitation_id": invited.invitation_id},
        is_sent=True,
        now_us=now_us,
    )
    await owner_mail.insert(tx, [mail])
