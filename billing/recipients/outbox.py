"""Read and retry mail: an account's outbox, and the operator's list.

The letter is shown only to readers who may see codes, because its link is as good as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.recipients.letter import Letter, letter_of
from billing.topups import topup as topups
from billing.topups.mail import ROWS, Mail
from billing.topups.rules import TopUpRules, sees_code
from kernel.errors import DomainError, NotFound
from kernel.tenant import Tenant
from keys.principal import Principal
from store.database import Transaction
from store.keyset import Begin, Keyset


class MailUnderWay(DomainError):
    """The mail is on its way, or a mail server has it."""


@dataclass(frozen=True, slots=True)
class OutboxMail:
    """letter null: the reader may not see codes, or the top-up is gone."""

    mail: Mail
    letter: Letter | None


async def outbox_page(
    tx: Transaction, tenant: Tenant, *, before_id: str | None, limit: int
) -> Sequence[Mail]:
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit)
    return [ROWS.read(row) for row in rows]


async def outbox_mail(
    tx: Transaction, principal: Principal, rules: TopUpRules, mail_id: str
) -> OutboxMail:
    mail = await find_mail(tx, mail_id)
    if Tenant(mail.account_id, mail.environment) != principal.tenant:
        raise NotFound("Mail")
    topup = (await topups.load(tx, [mail.transaction_id])).get(mail.transaction_id)
    if topup is None or not sees_code(principal, topup.spent_by):
        return OutboxMail(mail, None)
    row = await tx.fetch_one("SELECT name FROM accounts WHERE id = :id", id=mail.account_id)
    sender = "" if row is None else str(row["name"])
    return OutboxMail(mail, letter_of(topup, sender, rules))


async def list_mails(
    tx: Transaction,
    *,
    environment: str,
    status: str | None,
    address: str | None,
    before_id: Begin = None,
    limit: int,
) -> Sequence[Mail]:
    rows = await _ALL.page(
        tx,
        before_id=before_id,
        limit=limit,
        environment=environment,
        status=status,
        address=address,
    )
    return [ROWS.read(row) for row in rows]


async def retry_mail(tx: Transaction, mail_id: str, *, now_us: int) -> Mail:
    changed = await tx.execute(
        """UPDATE mails SET status = 'queued', attempts = 0, next_attempt_at = :now, ended_at = NULL,
               reason = NULL
           WHERE id = :id AND status NOT IN ('queued', 'sent')""",
        now=now_us,
        id=mail_id,
    )
    mail = await find_mail(tx, mail_id)
    if changed == 0:
        raise MailUnderWay(f"The mail is already {mail.status}.", reason=mail.status)
    return mail


async def find_mail(tx: Transaction, mail_id: str) -> Mail:
    row = await tx.fetch_one(f"SELECT {ROWS.listed} FROM mails WHERE id = :id", id=mail_id)
    if row is None:
        raise NotFound("Mail")
    return ROWS.read(row)


_PAGES = Keyset(ROWS.listed, "mails", "account_id = :account_id AND environment = :environment")
_ALL = Keyset(
    ROWS.listed,
    "mails",
    "environment = :environment",
    filters={"status": "status = :status", "address": "recipient_email = :address"},
)
