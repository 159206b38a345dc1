"""Where there is news, and what was last reported, by account, environment and kind of mail.

News is found in events and notices. A writer holds its turn's row, so of two workers one writes, and one kind
is mailed to an account once in SPACING_US.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from kernel.clock import MINUTE_US
from kernel.tenant import Tenant
from store.database import Transaction

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
    """Return what may be reported now, of at most `limit` accounts; older events aren't read."""
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
    """Record that the news was reported; written_at null: nobody wanted it."""
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
