"""What a worker does now and then: small, bounded, harmless when two workers do it at once.

Invariant: each chore is one short transaction at a time, repeated while it finds a full measure of
work. They run on timers of this process, not as ARQ cron jobs, so that they go on without Redis.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kernel.clock import Clock
from kernel.ids import AccountId
from keys.account import idle_sandboxes
from keys.vault import Vault
from store import idempotency
from store.db import Database, Transaction
from store.erase import erase_account
from store.errors import StoreError
from webhooks import delivery, endpoint

ROUNDS_MAX: Final = 100
ERASED_ACCOUNTS_MAX: Final = 100
PAUSE_S: Final = 0.05
RESEAL_S: Final = 3600

logger = logging.getLogger(__name__)
Prune = Callable[[Transaction], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Chore:
    """run is called at the start and then every_s after it last ended."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]


def resealing_chore(database: Database, vault: Vault) -> Chore:
    """After a rotation of the master key: everything that lies sealed moves to the newest one."""

    async def reseal() -> None:
        resealed = await database.transaction(vault.reseal_all)
        if resealed:
            logger.info("keys.resealed", extra={"count": resealed})
        after_id: str | None = ""
        while after_id is not None:
            after_id = await database.transaction(
                partial(_reseal_endpoints, vault=vault, after_id=after_id)
            )
            await asyncio.sleep(PAUSE_S)

    return Chore("secrets.reseal", RESEAL_S, reseal)


def pruning_chores(database: Database, clock: Clock) -> tuple[Chore, ...]:
    """What is deleted or ended once its time is over."""

    async def expire_held(tx: Transaction) -> int:
        return await delivery.expire_held(tx, now_us=clock.now_us())

    async def prune_answers(tx: Transaction) -> int:
        return await idempotency.prune(tx, now_us=clock.now_us())

    return (
        Chore("deliveries.expire_held", 60, partial(_repeat, database, expire_held)),
        Chore("idempotency.prune", 60, partial(_repeat, database, prune_answers)),
    )


async def erase_idle(database: Database, clock: Clock) -> None:
    """Deletes sandbox accounts that nobody used for seven days, in small steps."""

    async def look(tx: Transaction) -> list[AccountId]:
        return await idle_sandboxes(tx, now_us=clock.now_us(), limit=ERASED_ACCOUNTS_MAX)

    for account_id in await database.read(look):
        try:
            await erase_account(database, account_id)
        except StoreError:
            raise
        except Exception:
            # The others' turn must not depend on this one.
            logger.exception("sandbox.not_erased", extra={"account_id": account_id})
        else:
            logger.info("sandbox.erased", extra={"account_id": account_id})


async def do_chores(chores: Sequence[Chore]) -> None:
    """Runs until cancelled; a database that is away is tried again next time."""
    async with asyncio.TaskGroup() as group:
        for chore in chores:
            group.create_task(_keep_doing(chore))


async def _keep_doing(chore: Chore) -> None:
    while True:
        try:
            await chore.run()
        except StoreError as error:
            logger.warning("chore.failed", extra={"chore": chore.name, "error": str(error)})
        except Exception:
            # A chore that breaks must not take the deliveries down with it.
            logger.exception("chore.broke", extra={"chore": chore.name})
        await asyncio.sleep(chore.every_s)


async def _reseal_endpoints(tx: Transaction, *, vault: Vault, after_id: str) -> str | None:
    return await endpoint.reseal_some(tx, vault, after_id=after_id)


async def _repeat(database: Database, prune: Prune) -> None:
    """Until a round finds nothing, with pauses that let others write."""
    for _ in range(ROUNDS_MAX):
        if await database.transaction(prune) == 0:
            return
        await asyncio.sleep(PAUSE_S)
