"""Claim due mail and record its result.

Each claim increases claim_no, and the result of an older claim isn't recorded. If a worker crashes, its mail is
sent again with the same Message-ID.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.recipients.refusal import refusing
from billing.topups import topup as topups
from billing.topups.mail import ROWS, Mail, MailStatus
from billing.topups.rules import LinkTokens
from billing.topups.topup import TopUp
from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.storable import storable
from store.database import Transaction

# How long to wait after each failed attempt.
WAITS_US: Final = (
    MINUTE_US,
    5 * MINUTE_US,
    30 * MINUTE_US,
    2 * HOUR_US,
    8 * HOUR_US,
    DAY_US,
)
ATTEMPTS_MAX: Final = len(WAITS_US) + 1
REASON_CHARACTERS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    mail: Mail
    topup: TopUp | None
    sender: str
    is_unwanted: bool


@dataclass(frozen=True, slots=True)
class MailEnding:
    status: MailStatus
    reason: str | None = None
    next_attempt_at: int | None = None


async def claim(
    tx: Transaction, links: LinkTokens, *, now_us: int, lease_us: int, limit: int
) -> Sequence[ClaimedMail]:
    rows = await tx.fetch(_CLAIM, now=now_us, lease_until=now_us + lease_us, limit=limit)
    mails = [ROWS.read(row) for row in rows]
    if not mails:
        return []
    found = await topups.load(tx, [mail.transaction_id for mail in mails])
    names = await tx.fetch(
        "SELECT id, name FROM accounts WHERE id IN :ids[text]",
        ids=sorted({mail.account_id for mail in mails}),
    )
    senders = {row["id"]: row["name"] for row in names}
    digests = {mail.recipient_email: links.digest_of(mail.recipient_email) for mail in mails}
    refused = await refusing(tx, digests.values())
    return [
        ClaimedMail(
            mail,
            found.get(mail.transaction_id),
            senders.get(mail.account_id, ""),
            digests[mail.recipient_email] in refused,
        )
        for mail in mails
    ]


def tried_again(mail: Mail, reason: str, *, now_us: int) -> MailEnding:
    if mail.attempts >= ATTEMPTS_MAX:
        return MailEnding("failed", reason)
    return MailEnding("queued", reason, now_us + WAITS_US[mail.attempts - 1])


async def settle(tx: Transaction, mail: Mail, ending: MailEnding, *, now_us: int) -> bool:
    """Record an email's result, unless a newer claim has replaced this one."""
    reason = ending.reason
    changed = await tx.execute(
        """UPDATE mails SET status = :status, reason = :reason, next_attempt_at = :next_attempt_at,
               ended_at = :ended_at
           WHERE id = :id AND claim_no = :claim_no AND status = 'queued'""",
        status=ending.status,
        reason=None if reason is None else storable(reason, characters_max=REASON_CHARACTERS_MAX),
        next_attempt_at=ending.next_attempt_at,
        ended_at=None if ending.status == "queued" else now_us,
        id=mail.id,
        claim_no=mail.claim_no,
    )
    if changed and ending.status == "sent":
        await topups.note_emailed(tx, [mail.transaction_id], now_us=now_us)
    return changed == 1


async def next_due_at(tx: Transaction) -> int | None:
    row = await tx.fetch_one(
        """SELECT next_attempt_at FROM mails WHERE next_attempt_at IS NOT NULL
           ORDER BY next_attempt_at LIMIT 1"""
    )
    return None if row is None else int(row["next_attempt_at"])


_CLAIM = f"""
UPDATE mails SET attempts = mails.attempts + 1, claim_no = mails.claim_no + 1,
    next_attempt_at = :lease_until
FROM (
    SELECT m.id FROM mails m
    WHERE m.next_attempt_at IS NOT NULL AND m.next_attempt_at <= :now
    ORDER BY m.next_attempt_at LIMIT :limit FOR NO KEY UPDATE OF m SKIP LOCKED) AS w
WHERE mails.id = w.id
RETURNING {ROWS.of("mails")}
"""
