"""Mail to owners as it arrives at a mail server, and what became of its rows."""

from dataclasses import replace
from email.message import EmailMessage

from billing.recipients import owner_mail
from billing.topups.mail import MailRules
from billing.topups.rules import TopUpRules
from kernel.tenant import Tenant
from tests.support.funded_account import FundedAccount
from tests.support.mail_server import MailServer
from tests.support.mailing_account import FROM
from worker.mail import OwnerMailer

MAIL = MailRules(frozenset({"live"}))


def rules_of(team: FundedAccount) -> TopUpRules:
    return replace(team.rules, public_url="https://pay.acme.com", mail=MAIL)


async def mail_all(team: FundedAccount, server: MailServer) -> list[EmailMessage]:
    """What arrives of what is due now."""
    mailer = OwnerMailer(team.database, team.clock, rules_of(team), server.sender(), FROM)
    while await mailer.step():
        pass
    found, server.messages[:] = list(server.messages), []
    return found


async def statuses(team: FundedAccount) -> list[tuple[str, str, str | None]]:
    """Kind, status and reason, newest first."""
    tenant = Tenant(team.account_id, "live")
    rows = await team.database.read(lambda tx: owner_mail.latest(tx, tenant, limit=99))
    return [(one.kind, one.status, one.reason) for one in rows]


def words(message: EmailMessage) -> str:
    """The plain text, its white space as single spaces."""
    part = message.get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())
