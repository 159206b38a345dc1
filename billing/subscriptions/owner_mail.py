"""Mail to an account's owner about a plan, as rows: written in the transaction of the turn it tells of.

States: queued -> sent | bounced | failed; outbox leaves by nobody. Writes owner_mails. Invariants: a turn
brings one mail; a row holds no address, since the owner's is looked up when it is sent; a try is claimed by
its number, for the length of a lease, and what an older one brought is not written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Subscription
from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.ids import new_id
from kernel.storable import storable
from store.database import Transaction
from store.row_mapping import RowMapping

OwnerMailKind = Literal["past_due"]
OwnerMailStatus = Literal["queued", "sent", "bounced", "failed", "outbox"]
# After try k it waits WAITS_US[k-1]; then it has failed.
WAITS_US: Final = (MINUTE_US, 10 * MINUTE_US, HOUR_US, 6 * HOUR_US, DAY_US)
REASON_CHARACTERS_MAX: Final = 300


class OwnerMail(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row; the columns' meaning is in store/schema.py."""

    id: str
    account_id: str
    environment: str
    kind: OwnerMailKind
    subscription_id: str
    status: OwnerMailStatus
    attempts: int = 0
    next_attempt_at: int | None = None
    reason: str | None = None
    created_at: int
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class DueOwnerMail:
    """A mail that this process may send once, with what it is about; address null: there is none."""

    mail: OwnerMail
    subscription: Subscription | None
    address: str | None


def new_owner_mail(one: Subscription, *, is_sent: bool, now_us: int) -> OwnerMail:
    """About a renewal that was not paid; is_sent: mail of the environment leaves the house."""
    return OwnerMail(
        id=new_id("oml"),
        account_id=one.account_id,
        environment=one.environment,
        kind="past_due",
        subscription_id=one.id,
        status="queued" if is_sent else "outbox",
        next_attempt_at=now_us if is_sent else None,
        created_at=now_us,
        ended_at=None if is_sent else now_us,
    )


async def insert(tx: Transaction, mails: Sequence[OwnerMail]) -> None:
    await tx.insert("owner_mails", _ROWS.columns, [_ROWS.write(one) for one in mails])


async def claim(
    tx: Transaction, *, now_us: int, lease_us: int, limit: int
) -> Sequence[DueOwnerMail]:
    """At most `limit` due mails, the longest due first."""
    rows = await tx.fetch(_CLAIM, now=now_us, lease_until=now_us + lease_us, limit=limit)
    mails = [_ROWS.read(row) for row in rows]
    found = await subscription_rows.load(tx, [one.subscription_id for one in mails])
    owners = await tx.fetch(
        "SELECT id, email FROM accounts WHERE id IN :ids[text]",
        ids=sorted({one.account_id for one in mails}),
    )
    addresses = {row["id"]: row["email"] for row in owners}
    return [
        DueOwnerMail(one, found.get(one.subscription_id), addresses.get(one.account_id))
        for one in mails
    ]


async def settle(
    tx: Transaction, mail: OwnerMail, status: OwnerMailStatus, reason: str | None, *, now_us: int
) -> None:
    """What came of this try; queued: there is another, unless it was the last."""
    is_over = mail.attempts > len(WAITS_US)
    ended = "failed" if status == "queued" and is_over else status
    await tx.execute(
        """UPDATE owner_mails SET status = :status, reason = :reason,
               next_attempt_at = :next_attempt_at, ended_at = :ended_at
           WHERE id = :id AND attempts = :attempts AND status = 'queued'""",
        status=ended,
        reason=None if reason is None else storable(reason, characters_max=REASON_CHARACTERS_MAX),
        next_attempt_at=now_us + WAITS_US[mail.attempts - 1] if ended == "queued" else None,
        ended_at=None if ended == "queued" else now_us,
        id=mail.id,
        attempts=mail.attempts,
    )


async def of_subscription(tx: Transaction, one: Subscription) -> Sequence[OwnerMail]:
    """What was written about it, newest first; at most a hundred."""
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM owner_mails
            WHERE account_id = :account_id AND environment = :environment
              AND subscription_id = :id
            ORDER BY id DESC LIMIT 100""",
        account_id=one.account_id,
        environment=one.environment,
        id=one.id,
    )
    return [_ROWS.read(row) for row in rows]


_ROWS = RowMapping(OwnerMail)
_CLAIM = f"""
UPDATE owner_mails SET attempts = owner_mails.attempts + 1, next_attempt_at = :lease_until
FROM (
    SELECT m.id FROM owner_mails m
    WHERE m.next_attempt_at IS NOT NULL AND m.next_attempt_at <= :now
    ORDER BY m.next_attempt_at LIMIT :limit FOR NO KEY UPDATE OF m SKIP LOCKED) AS w
WHERE owner_mails.id = w.id
RETURNING {_ROWS.of("owner_mails")}
"""
