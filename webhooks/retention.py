"""What is deleted once an environment's time is over: events, deliveries and their attempts.

Promise: never a delivery that is still open, nor an event that one could still need, be it a replay
of long ago. Events go from the oldest on without a gap, and the newest stays, so that the numbers
left still prove that nothing is missing. Invariant: each step looks at ROWS_PER_STEP rows of one
account's environment at most, by an index, and may be repeated by anybody. Money is never pruned.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from keys.account import lock_scopes
from keys.principal import Scope
from store.db import Transaction
from webhooks import notice
from webhooks.log_page import Place
from webhooks.stage import PENDING, SENDING

ROWS_PER_STEP: Final = 500
SCOPES_PER_LOOK: Final = 200
FIRST_PLACE: Final = Place(0, "")
FIRST_SCOPE: Final[Scope] = ("", "")

_MINE = "account_id = :account_id AND environment = :environment"
_SCOPES = """
SELECT e.account_id, e.environment,
    (SELECT MIN(d.created_at) FROM deliveries d
     WHERE d.account_id = e.account_id AND d.environment = e.environment) AS delivered_at,
    (SELECT v.created_at FROM events v
     WHERE v.account_id = e.account_id AND v.environment = e.environment
       AND v.event_no < e.event_no ORDER BY v.event_no LIMIT 1) AS told_at
FROM account_environments e
WHERE (e.account_id, e.environment) > (:account_id, :environment)
ORDER BY e.account_id, e.environment LIMIT :rows
"""
_OLD_DELIVERIES = f"""
SELECT id, created_at, status FROM deliveries
WHERE {_MINE} AND created_at < :before_us AND (created_at, id) > (:after_at, :after_id)
ORDER BY created_at, id LIMIT :rows
"""
_OLD_EVENTS = f"""
SELECT id, event_no, created_at FROM events WHERE {_MINE} ORDER BY event_no LIMIT :rows
"""
_LIMITS = f"""
SELECT event_no, (SELECT MIN(created_at) FROM deliveries WHERE {_MINE}) AS delivered_at
FROM account_environments WHERE {_MINE}
"""
_REPLAYED = """
SELECT event_id FROM deliveries WHERE event_id IN :ids[text] AND replay_of IS NOT NULL
"""


class Old(NamedTuple):
    """An account's environment with rows that may be old, and the times of its oldest ones."""

    scope: Scope
    delivered_at: int | None
    told_at: int | None

    def is_before(self, before_us: int) -> bool:
        return any(at is not None and at < before_us for at in (self.delivered_at, self.told_at))


async def scopes_after(tx: Transaction, scope: Scope) -> Sequence[Old]:
    """The next SCOPES_PER_LOOK environments in order, with the age of what they hold."""
    rows = await tx.fetch(_SCOPES, account_id=scope[0], environment=scope[1], rows=SCOPES_PER_LOOK)
    return [
        Old((row["account_id"], row["environment"]), row["delivered_at"], row["told_at"])
        for row in rows
    ]


async def prune_deliveries(
    tx: Transaction, scope: Scope, *, before_us: int, after: Place
) -> Place | None:
    """Deletes the ended ones among the next rows; the place to go on after, null at the end."""
    rows = await tx.fetch(
        _OLD_DELIVERIES,
        account_id=scope[0],
        environment=scope[1],
        before_us=before_us,
        after_at=after.created_at,
        after_id=after.id,
        rows=ROWS_PER_STEP,
    )
    # An ended delivery never moves again, so nobody needs to be locked out.
    ended = [row["id"] for row in rows if row["status"] not in {PENDING, SENDING}]
    if ended:
        await tx.execute("DELETE FROM attempts WHERE delivery_id IN :ids[text]", ids=ended)
        await tx.execute("DELETE FROM deliveries WHERE id IN :ids[text]", ids=ended)
    if len(rows) < ROWS_PER_STEP:
        return None
    return Place(rows[-1]["created_at"], rows[-1]["id"])


async def prune_events(tx: Transaction, scope: Scope, *, before_us: int) -> int:
    """Deletes the oldest events that nothing needs; returns how many.

    Takes the account's lock: whoever replays a delivery holds it while it writes the new one, so
    the event is either needed already or its last delivery gone before.
    """
    account_id, environment = scope
    await lock_scopes(tx, [scope])
    limits = await tx.fetch_one(_LIMITS, account_id=account_id, environment=environment)
    if limits is None:
        return 0
    delivered_at = limits["delivered_at"]
    if delivered_at is not None:
        # A delivery has the time of its event, but for replays.
        before_us = min(before_us, delivered_at)
    rows = await tx.fetch(
        _OLD_EVENTS, account_id=account_id, environment=environment, rows=ROWS_PER_STEP
    )
    old = [row for row in rows if row["created_at"] < before_us]
    replayed: Collection[str] = ()
    if old:
        found = await tx.fetch(_REPLAYED, ids=[row["id"] for row in old])
        replayed = {row["event_id"] for row in found}
    gone = []
    for row in rows:
        if row["created_at"] >= before_us or row["event_no"] >= limits["event_no"]:
            break
        if row["id"] in replayed:
            break
        gone.append(row["id"])
    if gone:
        await tx.execute("DELETE FROM events WHERE id IN :ids[text]", ids=gone)
    return len(gone)


async def prune_notices(tx: Transaction, scope: Scope, *, before_us: int) -> int:
    """Deletes notices that ended before; returns how many."""
    return await notice.prune(tx, scope, before_us=before_us, rows_max=ROWS_PER_STEP)
