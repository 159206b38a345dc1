"""Gathered mail: one of a kind for each person who wants it, about all news of an account and environment.

A writer holds its turn's row, so of two workers one writes, and one kind is mailed to an account once in
SPACING_US. Unwanted news counts as reported. A row only says where to look: the content is read when the mail
is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail, addressees, written_mail
from billing.topups.mail import HINT
from kernel.clock import MINUTE_US
from kernel.tenant import Tenant
from keys.notifications import Person, people_of
from store.database import Transaction
from webhooks.deliveries import notice

GatheredKind = Literal["webhook", "balance", "key"]
GATHERED: Final[tuple[GatheredKind, ...]] = get_args(GatheredKind)
# News this soon after the first joins its mail. A receiver that restarts is back by then.
GATHER_US: Final[Mapping[GatheredKind, int]] = {
    "webhook": 5 * MINUTE_US,
    "balance": MINUTE_US,
    "key": MINUTE_US,
}
# Four mails of a kind an hour.
SPACING_US: Final = 15 * MINUTE_US
EVENT_OF: Final[Mapping[str, str]] = {"balance": "balance.low", "key": "key.created"}


@dataclass(frozen=True, slots=True)
class News:
    tenant: Tenant
    kind: GatheredKind
    first_at: int
    first_no: int = 0
    last_no: int = 0

    @property
    def data(self) -> Mapping[str, int]:
        return {"first_at": self.first_at, "first_no": self.first_no, "last_no": self.last_no}


async def find_news(
    tx: Transaction, kind: GatheredKind, *, since_us: int, now_us: int, limit: int
) -> Sequence[News]:
    times = {"gathered_at": now_us - GATHER_US[kind], "spaced_at": now_us - SPACING_US}
    if kind == "webhook":
        rows = await tx.fetch(_NOTICES, limit=limit, **times)
        return [
            News(Tenant(row["account_id"], row["environment"]), kind, row["first_at"])
            for row in rows
        ]
    rows = await tx.fetch(
        _EVENTS, kind=kind, type=EVENT_OF[kind], since=since_us, limit=limit, **times
    )
    return [
        News(
            Tenant(row["account_id"], row["environment"]),
            kind,
            row["first_at"],
            row["first_no"],
            row["last_no"],
        )
        for row in rows
    ]


async def take_turn(tx: Transaction, news: News, *, now_us: int) -> bool:
    """Return whether the caller may report this news, and hold its row until the commit."""
    place = {
        "account_id": news.tenant.account_id,
        "environment": news.tenant.environment,
        "kind": news.kind,
    }
    await tx.insert(
        "notification_turns",
        ("account_id", "environment", "kind"),
        [tuple(place.values())],
        on_conflict="ON CONFLICT (account_id, environment, kind) DO NOTHING",
    )
    row = await tx.fetch_one(_TURN, **place)
    if row is None or (row["written_at"] or 0) > now_us - SPACING_US:
        return False
    return news.kind == "webhook" or row["notified_no"] < news.first_no


async def note_told(tx: Transaction, news: News, *, written_at: int | None) -> None:
    await tx.execute(
        """UPDATE notification_turns
           SET notified_no = :notified_no, written_at = COALESCE(:written_at, written_at)
           WHERE account_id = :account_id AND environment = :environment AND kind = :kind""",
        notified_no=news.last_no,
        written_at=written_at,
        account_id=news.tenant.account_id,
        environment=news.tenant.environment,
        kind=news.kind,
    )


# Types as in the index, one by one; otherwise SQLite reads all events in the groups' order.
_EVENTS: Final = """
WITH e AS MATERIALIZED (
    SELECT account_id, environment, event_no, created_at FROM events
    WHERE type IN ('balance.low', 'key.created') AND type = :type AND created_at > :since
      AND is_sample = 0)
SELECT e.account_id, e.environment, MIN(e.created_at) AS first_at, MIN(e.event_no) AS first_no,
    MAX(e.event_no) AS last_no
FROM e
LEFT JOIN notification_turns t ON t.account_id = e.account_id
    AND t.environment = e.environment AND t.kind = :kind
WHERE e.event_no > COALESCE(t.notified_no, 0) AND COALESCE(t.written_at, 0) <= :spaced_at
GROUP BY e.account_id, e.environment HAVING MIN(e.created_at) <= :gathered_at
ORDER BY e.account_id, e.environment LIMIT :limit
"""
_NOTICES: Final = """
SELECT w.account_id, w.environment, MIN(w.at) AS first_at
FROM (
    SELECT account_id, environment, created_at AS at FROM notices
    WHERE notified_at IS NULL AND ended_at IS NULL
    UNION ALL
    SELECT account_id, environment, ended_at AS at FROM notices
    WHERE notified_at IS NOT NULL AND ended_at IS NOT NULL AND end_notified_at IS NULL) AS w
LEFT JOIN notification_turns t ON t.account_id = w.account_id
    AND t.environment = w.environment AND t.kind = 'webhook'
WHERE COALESCE(t.written_at, 0) <= :spaced_at
GROUP BY w.account_id, w.environment HAVING MIN(w.at) <= :gathered_at
ORDER BY w.account_id, w.environment LIMIT :limit
"""
_TURN: Final = """
SELECT notified_no, written_at FROM notification_turns
WHERE account_id = :account_id AND environment = :environment AND kind = :kind
FOR NO KEY UPDATE SKIP LOCKED
"""


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
    """Return how many mails were written, and whether there may be more accounts. since_us: older events
    aren't read.
    """
    found = await find_news(tx, kind, since_us=since_us, now_us=now_us, limit=accounts_max)
    people = await people_of(tx, [one.tenant.account_id for one in found])
    mails: list[OwnerMail] = []
    taken = 0
    for news in found:
        if await take_turn(tx, news, now_us=now_us):
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
    await note_told(tx, news, written_at=now_us if told else None)
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
