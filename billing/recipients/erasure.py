"""Erase what is stored about a recipient, except what the ledger must keep.

Erased: the sender's message and language, the rows and addresses of mail. The address stays in top-ups and
ledger accounts, by which value is found and proved. Events and deliveries go with their retention. A pending
or scheduled top-up keeps what it needs to arrive.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from store.database import Transaction

ROWS_PER_STEP = 500


@dataclass(frozen=True, slots=True)
class Erased:
    topups: int
    mails: int


@dataclass(frozen=True, slots=True)
class FurtherSteps:
    """The steps of what higher packages store. Each returns how many rows it changed.

    payments: drops the private part of ended payments. requests: deletes logged requests with the address.
    """

    payments: Callable[[Transaction], Awaitable[int]]
    requests: Callable[[Transaction, str], Awaitable[int]]


async def erase_step(tx: Transaction, address: str) -> Erased:
    """Erase at most ROWS_PER_STEP of each, of any account; call it until it finds nothing."""
    mails = await tx.execute(
        """DELETE FROM mails WHERE id IN (
               SELECT id FROM mails WHERE recipient_email = :address AND status <> 'queued'
               LIMIT :limit)""",
        address=address,
        limit=ROWS_PER_STEP,
    )
    topups = await tx.execute(
        """UPDATE topups SET delivery = NULL WHERE id IN (
               SELECT id FROM topups WHERE recipient_email = :address AND delivery IS NOT NULL
                 AND status NOT IN ('pending', 'scheduled') LIMIT :limit)""",
        address=address,
        limit=ROWS_PER_STEP,
    )
    return Erased(topups, mails)


async def prune_mails(tx: Transaction, *, environment: str, before_us: int) -> int:
    return await tx.execute(
        """DELETE FROM mails WHERE id IN (
               SELECT id FROM mails
               WHERE environment = :environment AND created_at < :before_us AND status <> 'queued'
               ORDER BY id LIMIT :limit)""",
        environment=environment,
        before_us=before_us,
        limit=ROWS_PER_STEP,
    )
