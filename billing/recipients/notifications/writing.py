"""Write the gathered mails: one of a kind for each person who wants it, about all news.

Nothing is left out or reported twice; unwanted news counts as reported. A row only says where to look: the
content is read when the mail is sent.
"""

from collections.abc import Sequence
from typing import Final

from billing.recipients import owner_mail
from billing.recipients.notifications import turn
from billing.recipients.notifications.turn import GatheredKind, News
from billing.recipients.owner_mail import OwnerMail, addressees, written_mail
from billing.topups.mail import HINT
from keys.notifications import Person, people_of
from store.database import Transaction
from webhooks.deliveries import notice

# Few, because a delivery that ends a notice waits for this transaction.
ACCOUNTS_AT_ONCE: Final = 50


async def write_due(
    tx: Transaction,
    kind: GatheredKind,
    *,
    sent_in: frozenset[str],
    since_us: int,
    now_us: int,
    accounts_max: int = ACCOUNTS_AT_ONCE,
) -> tuple[int, bool]:
    """Write mails; return how many, and whether there may be more accounts. sent_in: the environments whose
    mail leaves. since_us: older events aren't read.
    """
    found = await turn.find_news(tx, kind, since_us=since_us, now_us=now_us, limit=accounts_max)
    people = await people_of(tx, [one.tenant.account_id for one in found])
    mails: list[OwnerMail] = []
    taken = 0
    for news in found:
        if await turn.take_turn(tx, news, now_us=now_us):
            is_sent = news.tenant.environment in sent_in
            told = addressees(people[news.tenant.account_id], kind, news.tenant, is_sent=is_sent)
            mails += await _told(tx, news, told, is_sent=is_sent, now_us=now_us)
            taken += 1
    if mails:
        await owner_mail.insert(tx, mails)
        tx.hint(HINT)
    return len(mails), taken == accounts_max


async def _told(
    tx: Transaction, news: News, told: Sequence[Person], *, is_sent: bool, now_us: int
) -> list[OwnerMail]:
    if news.kind == "webhook":
        await notice.take_unnotified(tx, news.tenant, is_notified=bool(told), now_us=now_us)
    await turn.note_told(tx, news, written_at=now_us if told else None)
    return [
        written_mail(
            news.tenant,
            news.kind,
            data=None if news.kind == "webhook" else news.data,
            is_sent=is_sent,
            now_us=now_us,
            member_id=one.member_id,
        )
        for one in told
    ]
