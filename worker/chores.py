"""A worker's chores: small, bounded, harmless if two workers do them at once, and timed without Redis.

Each is one short transaction at a time, repeated while it finds a full step of work.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from billing.records.removal import ACCOUNT, EVERYWHERE, sign_removal
from billing.topups import supplier_words
from billing.topups.voucher import VoucherCodes
from kernel.clock import DAY_US, Clock
from kernel.ids import AccountId
from keys import caps
from keys.account import BEFORE_ALL_IDLE, SANDBOX_IDLE_US, idle_sandboxes
from keys.caps import REPEAT_PERIOD_US
from keys.principal import ENVIRONMENTS
from keys.vault import Vault
from store import commit_token, idempotency
from store.database import Database, Store, Transaction
from store.erase import ChargeUnderWay, NotIdle, erase_account
from store.errors import StoreError
from webhooks.deliveries import ending, endpoint_queue
from webhooks.endpoints import resealing

OnPruning = Callable[[Mapping[str, int]], Awaitable[None]]
# Security entries have one retention for both environments.
_OF_ENVIRONMENTS: Final = ("event", "delivery")


async def not_noted(_until: Mapping[str, int]) -> None:
    pass


def pruned_note(database: Database, vault: Vault, clock: Clock) -> OnPruning:
    """Return what moves the watermarks; each commits before anything is deleted. Raises SealBroken."""

    async def note(until: Mapping[str, int]) -> None:
        async def work(tx: Transaction) -> None:
            for subject, until_us in until.items():
                kinds = _OF_ENVIRONMENTS if subject in ENVIRONMENTS else ("security",)
                for kind in kinds:
                    await sign_removal(
                        tx,
                        vault,
                        kind=kind,
                        subjects=[subject],
                        until=until_us,
                        now_us=clock.now_us(),
                    )

        await database.transaction(work)

    return note


def erased_note(
    vault: Vault, account_id: str, *, now_us: int
) -> Callable[[Transaction], Awaitable[None]]:
    """Return what writes an account's tombstone, in the transaction that begins to erase it."""

    async def note(tx: Transaction) -> None:
        await sign_removal(
            tx, vault, kind=ACCOUNT, subjects=[account_id], until=now_us, now_us=now_us
        )

    return note


__all__ = ["EVERYWHERE", "OnPruning", "erased_note", "not_noted", "pruned_note"]


ROUNDS_MAX: Final = 100
ERASED_ACCOUNTS_MAX: Final = 100
PAUSE_S: Final = 0.05
RESEAL_S: Final = 3600
SPACE_S: Final = 3600
DAY_S: Final = 86_400
RECIPIENTS_S: Final = 3600
RECIPIENT_ROWS: Final = 1_000
HANDED_OVER_S: Final = 3600

logger = logging.getLogger(__name__)
Prune = Callable[[Transaction], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Chore:
    """run is called first_s after the start, then every_s after it ended."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]
    first_s: float = 0.0


def resealing_chore(database: Database, vault: Vault) -> Chore:
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
    async def prune_answers(tx: Transaction) -> int:
        return await idempotency.prune(tx, now_us=clock.now_us())

    async def prune_tokens(tx: Transaction) -> int:
        before_us = clock.now_us() - commit_token.KEPT_DAYS * DAY_US
        return await commit_token.prune(tx, before_us=before_us)

    async def prune_recipients(tx: Transaction) -> int:
        # A repeated send is looked for in two periods.
        before_us = clock.now_us() - 2 * REPEAT_PERIOD_US
        return await caps.prune_recipients(tx, before_us=before_us, limit=RECIPIENT_ROWS)

    return (
        Chore("deliveries.expire_held", 60, partial(expire_held, database, clock)),
        Chore("endpoint_queue.mend", 60, partial(mend_line, database, clock)),
        Chore("idempotency.prune", 60, partial(_repeat, database, prune_answers)),
        Chore("commit_tokens.prune", DAY_S, partial(_repeat, database, prune_tokens)),
        Chore("spend_windows.prune", RECIPIENTS_S, partial(_repeat, database, prune_recipients)),
    )


def space_chore(database: Store) -> Chore:
    async def give_back() -> None:
        for _ in range(ROUNDS_MAX):
            if await database.give_back() == 0:
                return
            await asyncio.sleep(PAUSE_S)

    return Chore("space.give_back", SPACE_S, give_back)


def handed_over_chore(database: Database, codes: VoucherCodes) -> Chore:
    """Enter deliveries of an older version, reading each top-up once."""

    async def fill() -> None:
        has_more = True
        while has_more:
            has_more = await database.transaction(partial(_fill, codes=codes))
            await asyncio.sleep(PAUSE_S)

    return Chore("handed_over.fill", HANDED_OVER_S, fill)


async def expire_held(database: Database, clock: Clock) -> None:
    """Fail what disabled endpoints have held too long, one endpoint after the other."""
    after: ending.Disabled | None = ending.BEGINNING
    while after is not None:
        late, after = await database.read(
            partial(_disabled_after, after=after, now_us=clock.now_us())
        )
        for endpoint_id in late:
            step = partial(_expire_held, endpoint_id=endpoint_id, now_us=clock.now_us())
            expired = -1
            while expired:
                expired = await database.transaction(step, durable=False)
                await asyncio.sleep(PAUSE_S)


async def mend_line(database: Database, clock: Clock) -> None:
    """Enter deliveries that were written past the line of endpoints."""
    after_id: str | None = ""
    while after_id is not None:
        step = partial(_mend, after_id=after_id, now_us=clock.now_us())
        after_id, hidden = await database.transaction(step, durable=False)
        if hidden:
            logger.warning("endpoint_queue.mended", extra={"count": hidden})
        await asyncio.sleep(PAUSE_S)


async def erase_idle(
    database: Database,
    clock: Clock,
    *,
    at_once: int = ERASED_ACCOUNTS_MAX,
    vault: Vault | None = None,
) -> None:
    """Delete at_once sandbox accounts unused for seven days, in small steps.

    Accounts that can't be deleted yet don't block others. vault signs tombstones; None: without a record
    log.
    """
    erased, after = 0, BEFORE_ALL_IDLE
    while erased < at_once:
        look = partial(idle_sandboxes, now_us=clock.now_us(), limit=at_once, after=after)
        found = await database.read(look)
        for after in found:
            erased += await _erase_one(database, after[1], clock.now_us(), vault)
        if len(found) < at_once:
            return


async def _erase_one(
    database: Database, account_id: AccountId, now_us: int, vault: Vault | None
) -> bool:
    note = None if vault is None else erased_note(vault, account_id, now_us=now_us)
    try:
        await erase_account(
            database,
            account_id,
            now_us=now_us,
            idle_before=now_us - SANDBOX_IDLE_US,
            first_of_all=note,
        )
    except StoreError:
        raise
    except ChargeUnderWay:
        # Its provider hasn't reported the outcome of the charge.
        logger.info("sandbox.charge_under_way", extra={"account_id": account_id})
        return False
    except NotIdle:
        return False
    except Exception:
        logger.exception("sandbox.not_erased", extra={"account_id": account_id})
        return False
    logger.info("sandbox.erased", extra={"account_id": account_id})
    return True


async def do_chores(
    chores: Sequence[Chore], on_ended: Callable[[str], None] = lambda _name: None
) -> None:
    """Run until cancelled; call on_ended with the name of each chore that succeeded."""
    async with asyncio.TaskGroup() as group:
        for chore in chores:
            group.create_task(_keep_doing(chore, on_ended))


async def _keep_doing(chore: Chore, on_ended: Callable[[str], None]) -> None:
    await asyncio.sleep(chore.first_s)
    while True:
        try:
            await chore.run()
            on_ended(chore.name)
        except StoreError as error:
            logger.warning("chore.failed", extra={"chore": chore.name, "error": str(error)})
        except Exception:
            # A chore that breaks must not stop the deliveries.
            logger.exception("chore.broke", extra={"chore": chore.name})
        await asyncio.sleep(chore.every_s)


async def _reseal_endpoints(tx: Transaction, *, vault: Vault, after_id: str) -> str | None:
    return await resealing.reseal_some(tx, vault, after_id=after_id)


async def _disabled_after(
    tx: Transaction, *, after: ending.Disabled, now_us: int
) -> tuple[list[str], ending.Disabled | None]:
    return await ending.disabled_after(tx, after, now_us=now_us)


async def _expire_held(tx: Transaction, *, endpoint_id: str, now_us: int) -> int:
    return await ending.expire_held(tx, endpoint_id, now_us=now_us)


async def _mend(tx: Transaction, *, after_id: str, now_us: int) -> tuple[str | None, int]:
    return await endpoint_queue.mend(tx, after_id=after_id, now_us=now_us)


async def _fill(tx: Transaction, *, codes: VoucherCodes) -> bool:
    return await supplier_words.fill_step(tx, codes)


async def _repeat(database: Database, prune: Prune) -> None:
    """Repeat until a round finds nothing, with pauses that let others write."""
    for _ in range(ROUNDS_MAX):
        if await database.transaction(prune) == 0:
            return
        await asyncio.sleep(PAUSE_S)
