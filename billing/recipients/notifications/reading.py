"""The words of a gathered mail, as things are when it is sent."""

from billing.recipients.language import Language
from billing.recipients.notifications.facts import low_balance_of, made_keys
from billing.recipients.notifications.letters import balance_letter, key_letter, webhook_letter
from billing.recipients.owner_mail import OwnerMail
from billing.recipients.owner_message import OwnerLetter
from kernel.tenant import Tenant
from store.database import Transaction
from webhooks.deliveries import notice


async def gathered_letter(
    tx: Transaction, mail: OwnerMail, *, public_url: str, language: Language, now_us: int
) -> OwnerLetter | None:
    if mail.kind == "webhook":
        tenant = Tenant(mail.account_id, mail.environment)
        told = await notice.notified_at(tx, tenant, mail.created_at)
        return webhook_letter(told, public_url=public_url, language=language) if told else None
    if mail.kind == "balance":
        low = await low_balance_of(tx, mail, now_us=now_us)
        return balance_letter(low, public_url=public_url, language=language) if low else None
    made = await made_keys(tx, mail)
    return key_letter(made, public_url=public_url, language=language) if made.count else None
