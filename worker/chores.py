"""Run a worker's chores: small jobs that run at intervals. Two workers may run the same chore at once.

A chore repeats a short transaction until one finds less than a full batch of work.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from billing.providers import event_log as provider_event
from billing.recipients import owner_mail
from billing.recipients.mail_acts import prune_mails
from billing.reconciliation import differences
from billing.records.removal import ACCOUNT, EVERYWHERE, sign_removal
from billing.subscriptions.entitlement import prune_uses
from billing.topups import supplier_words
from billing.topups.rules import VoucherCodes
from kernel.clock import DAY_US, Clock
from kernel.ids import AccountId
from kernel.tenant import Tenant
from keys import audit_log, caps, session
from keys.account import BEFORE_ALL_IDLE, SANDBOX_IDLE_US, idle_sandboxes
from keys.authorization import client as mcp_client, grant as mcp_code, token as mcp_token
from keys.caps import REPEAT_PERIOD_US
from keys.principal import ENVIRONMENTS
from keys.tokens import device_login
from keys.vault import Vault
from runtime.request_log import rows as request_rows
from runtime.settings import Settings
from store import commit_token, idempotency
from store.database import Database, Store, Transaction
from store.erase import ChargeUnderWay, NotIdle, erase_account
from store.errors import DataRefused, StoreError
from webhooks.deliveries import ending, endpoint_queue, retention
from webhooks.deliveries.log import DeliveryCursor
from webhooks.endpoints import resealing

OnPruning = Callable[[Mapping[str, int]], Awaitable[None]]
_OF_ENVIRONMENTS: Final = ("event", "delivery")

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
RETENTION_S: Final = 3600
# Each step is treated as having at least this many rows, because its transaction also takes time.
STEP_ROWS_MIN: Final = 50
AUTHORIZATION_ROWS: Final = 500
_Prune = Callable[..., Awaitable[int]]


async def not_noted(_until: Mapping[str, int]) -> None:
    pass


def pruned_note(database: Database, vault: Vault, clock: Clock) -> OnPruning:
    """Return a function that commits a signed record of rows before they are deleted. The function may raise
    SealBroken.
    """

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
    async def note(tx: Transaction) -> None:
        await sign_removal(
            tx, vault, kind=ACCOUNT, subjects=[account_id], until=now_us, now_us=now_us
        )

    return note


@dataclass(frozen=True, slots=True)
class Chore:
    """A periodic task. It runs after first_s, then every_s after each run ended."""

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
        # Search for repeated sends in the current period and in the previous one.
        before_us = clock.now_us() - 2 * REPEAT_PERIOD_US
        return await caps.prune_recipients(tx, before_us=before_us, limit=RECIPIENT_ROWS)

    return (
        Chore("deliveries.expire_held", 60, partial(expire_held, database, clock)),
        Chore("endpoint_queue.mend", 60, partial(repair_line, database, clock)),
        Chore("idempotency.prune", 60, partial(_repeat, database, prune_answers)),
        Chore("commit_tokens.prune", DAY_S, partial(_repeat, database, prune_tokens)),
        Chore("spend_windows.prune", RECIPIENTS_S, partial(_repeat, database, prune_recipients)),
    )


def space_chore(database: Store) -> Chore:
    async def free_space() -> None:
        for _ in range(ROUNDS_MAX):
            if await database.free_space() == 0:
                return
            await asyncio.sleep(PAUSE_S)

    return Chore("space.give_back", SPACE_S, free_space)


def handed_over_chore(database: Database, codes: VoucherCodes) -> Chore:
    """Return a chore that adds what was delivered before the table handed_over existed. It reads each top-up once."""

    async def fill() -> None:
        has_more = True
        while has_more:
            has_more = await database.transaction(partial(_fill, codes=codes))
            await asyncio.sleep(PAUSE_S)

    return Chore("handed_over.fill", HANDED_OVER_S, fill)


async def expire_held(database: Database, clock: Clock) -> None:
    """Fail deliveries that were held too long for disabled endpoints, one endpoint at a time."""
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


async def repair_line(database: Database, clock: Clock) -> None:
    """Queue endpoints that have open deliveries but aren't queued in time."""
    after_id: str | None = ""
    while after_id is not None:
        step = partial(_repair, after_id=after_id, now_us=clock.now_us())
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
    """Delete up to at_once sandbox accounts that were unused for seven days, in small steps.

    An account that can't be deleted yet doesn't block others. `vault` signs the record of each deletion. If it
    is None, no record is written.
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
    """Run the chores until cancelled. Call on_ended with a chore's name each time it succeeds."""
    async with asyncio.TaskGroup() as group:
        for chore in chores:
            group.create_task(_run_every(chore, on_ended))


async def _run_every(chore: Chore, on_ended: Callable[[str], None]) -> None:
    await asyncio.sleep(chore.first_s)
    while True:
        try:
            await chore.run()
            on_ended(chore.name)
        except StoreError as error:
            logger.warning("chore.failed", extra={"chore": chore.name, "error": str(error)})
        except Exception:
            # A failing chore must not stop deliveries.
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


async def _repair(tx: Transaction, *, after_id: str, now_us: int) -> tuple[str | None, int]:
    return await endpoint_queue.repair(tx, after_id=after_id, now_us=now_us)


async def _fill(tx: Transaction, *, codes: VoucherCodes) -> bool:
    return await supplier_words.fill_step(tx, codes)


async def _repeat(database: Database, prune: Prune) -> None:
    for _ in range(ROUNDS_MAX):
        if await database.transaction(prune) == 0:
            return
        await asyncio.sleep(PAUSE_S)


def retention_chore(
    database: Database,
    clock: Clock,
    kept_us: Mapping[str, int],
    *,
    pause_s: float = PAUSE_S,
    on_walked: Callable[[int], None] = lambda _lag_us: None,
    on_pruning: OnPruning = not_noted,
) -> Chore:
    """Return the chore that deletes old rows.

    - kept_us: each environment's retention.
    - on_pruning: called first, with the time before which rows are deleted.
    - on_walked: called with how long the oldest row is past its retention, or 0.
    """

    async def run() -> None:
        lag_us = 0
        until = {environment: clock.now_us() - kept for environment, kept in kept_us.items()}
        await on_pruning(until)
        pauses = _Pauses(pause_s)
        last: Tenant | None = retention.FIRST_TENANT
        while last is not None:
            olds = await database.read(partial(_tenants_after, tenant=last))
            for old in olds:
                before_us = until[old.tenant.environment]
                if old.is_before(before_us) and not await _try_to_prune(
                    database, old.tenant, before_us, pauses
                ):
                    lag_us = max(lag_us, old.lag_us(before_us))
            last = olds[-1].tenant if olds else None
        on_walked(lag_us)

    return Chore("retention.prune", RETENTION_S, run)


def notifications_chore(
    database: Database, clock: Clock, kept_us: Mapping[str, int], *, pause_s: float = PAUSE_S
) -> Chore:
    async def run() -> None:
        for environment, kept in kept_us.items():
            before_us, found = clock.now_us() - kept, -1
            while found:
                found = await database.transaction(
                    partial(_notifications, environment=environment, before_us=before_us),
                    durable=False,
                )
                await asyncio.sleep(pause_s)

    return Chore("provider_events.prune", RETENTION_S, run)


def sessions_chore(database: Database, clock: Clock, *, pause_s: float = PAUSE_S) -> Chore:
    async def run() -> None:
        after_id: str | None = ""
        while after_id is not None:
            after_id = await database.transaction(
                partial(_sessions, after_id=after_id, now_us=clock.now_us()), durable=False
            )
            await asyncio.sleep(pause_s)

    return Chore("sessions.prune", RETENTION_S, run)


def device_logins_chore(database: Database, clock: Clock, *, pause_s: float = PAUSE_S) -> Chore:
    async def run() -> None:
        found = -1
        while found:
            found = await database.transaction(
                partial(_device_logins, now_us=clock.now_us()), durable=False
            )
            await asyncio.sleep(pause_s)

    return Chore("device_logins.prune", RETENTION_S, run)


async def _device_logins(tx: Transaction, now_us: int) -> int:
    return await device_login.prune(tx, now_us=now_us)


def requests_chore(database: Database, clock: Clock, kept_us: int) -> Chore:
    async def run() -> None:
        found = -1
        while found:
            step = partial(_requests, before_us=clock.now_us() - kept_us)
            found = await database.transaction(step, durable=False)
            await asyncio.sleep(PAUSE_S)

    return Chore("requests.prune", RETENTION_S, run)


def security_chore(
    database: Database,
    clock: Clock,
    kept_us: int,
    *,
    pause_s: float = PAUSE_S,
    on_pruning: OnPruning = not_noted,
) -> Chore:
    async def run() -> None:
        before_us = clock.now_us() - kept_us
        await on_pruning({EVERYWHERE: before_us})
        found = -1
        while found:
            found = await database.transaction(
                partial(_security, before_us=before_us), durable=False
            )
            await asyncio.sleep(pause_s)

    return Chore("security_log.prune", RETENTION_S, run)


def authorization_chore(database: Database, clock: Clock, *, pause_s: float = PAUSE_S) -> Chore:
    async def run() -> None:
        for prune in (mcp_code.prune_codes, mcp_token.prune, mcp_client.prune):
            found = AUTHORIZATION_ROWS
            while found == AUTHORIZATION_ROWS:
                found = await database.transaction(
                    partial(prune, now_us=clock.now_us(), limit=AUTHORIZATION_ROWS), durable=False
                )
                await asyncio.sleep(pause_s)

    return Chore("authorization.prune", RETENTION_S, run)


def sign_in_chores(database: Database, clock: Clock) -> Sequence[Chore]:
    chores = (sessions_chore, device_logins_chore, authorization_chore)
    return [chore(database, clock) for chore in chores]


def log_chores(
    database: Database, clock: Clock, settings: Settings, *, on_pruning: OnPruning = not_noted
) -> Sequence[Chore]:
    security_us = settings.retention_security_days * DAY_US
    requests_us = settings.retention_requests_days * DAY_US
    return [
        security_chore(database, clock, security_us, on_pruning=on_pruning),
        requests_chore(database, clock, requests_us),
    ]


async def _requests(tx: Transaction, before_us: int) -> int:
    return await request_rows.prune(tx, before_us=before_us)


async def _security(tx: Transaction, before_us: int) -> int:
    return await audit_log.prune(tx, before_us=before_us)


class _Pauses:
    """Pauses after every ROWS_PER_STEP rows of a run, even if they belong to different accounts."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._rows = 0

    async def after(self, rows: int) -> None:
        self._rows += max(rows, STEP_ROWS_MIN)
        if self._rows >= retention.ROWS_PER_STEP:
            self._rows = 0
            await asyncio.sleep(self._pause_s)


async def _try_to_prune(
    database: Database, tenant: Tenant, before_us: int, pauses: _Pauses
) -> bool:
    try:
        await _prune(database, tenant, before_us, pauses)
    except Exception as error:
        if isinstance(error, StoreError) and not isinstance(error, DataRefused):
            raise
        fields = {"account_id": tenant.account_id, "environment": tenant.environment}
        logger.exception("retention.broke", extra=fields)
        return False
    return True


async def _prune(database: Database, tenant: Tenant, before_us: int, pauses: _Pauses) -> None:
    place: DeliveryCursor | None = retention.FIRST_PLACE
    while place is not None:
        looked = await database.transaction(
            partial(_deliveries, tenant=tenant, before_us=before_us, after=place), durable=False
        )
        place = looked.after
        await pauses.after(looked.rows)
    events = 0
    after_no: int | None = 0
    while after_no is not None:
        pruned = await database.transaction(
            partial(_events, tenant=tenant, before_us=before_us, after_no=after_no), durable=False
        )
        events, after_no = events + pruned.deleted, pruned.after_no
        await pauses.after(pruned.rows)
    await database.transaction(partial(_notices, tenant=tenant, before_us=before_us), durable=False)
    if events:
        fields = {
            "account_id": tenant.account_id,
            "environment": tenant.environment,
            "events": events,
        }
        logger.info("retention.pruned", extra=fields)


async def _tenants_after(tx: Transaction, tenant: Tenant) -> list[retention.Old]:
    return list(await retention.tenants_after(tx, tenant))


async def _deliveries(
    tx: Transaction, tenant: Tenant, before_us: int, after: DeliveryCursor
) -> retention.PrunedDeliveries:
    return await retention.prune_deliveries(tx, tenant, before_us=before_us, after=after)


async def _events(
    tx: Transaction, tenant: Tenant, before_us: int, after_no: int
) -> retention.PrunedEvents:
    return await retention.prune_events(tx, tenant, before_us=before_us, after_no=after_no)


async def _notices(tx: Transaction, tenant: Tenant, before_us: int) -> int:
    return await retention.prune_notices(tx, tenant, before_us=before_us)


async def _notifications(tx: Transaction, environment: str, before_us: int) -> int:
    return await provider_event.prune(tx, environment, before_us=before_us)


async def _sessions(tx: Transaction, after_id: str, now_us: int) -> str | None:
    return await session.prune_some(tx, after_id=after_id, now_us=now_us)


def mails_chore(
    database: Database, clock: Clock, kept_us: Mapping[str, int], *, pause_s: float = PAUSE_S
) -> Chore:
    prunes: Sequence[_Prune] = (prune_mails, owner_mail.prune)
    return Chore("mails.prune", DAY_S, _walk(database, clock, kept_us, prunes, pause_s))


def money_chore(
    database: Database, clock: Clock, kept_us: Mapping[str, int], *, pause_s: float = PAUSE_S
) -> Chore:
    prunes: Sequence[_Prune] = (prune_uses, differences.prune_closed)
    return Chore("money.prune", DAY_S, _walk(database, clock, kept_us, prunes, pause_s))


def _walk(
    database: Database,
    clock: Clock,
    kept_us: Mapping[str, int],
    prunes: Sequence[_Prune],
    pause_s: float,
) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        for environment, age_us in kept_us.items():
            for prune in prunes:
                found = -1
                while found:
                    step = partial(
                        prune, environment=environment, before_us=clock.now_us() - age_us
                    )
                    found = await database.transaction(step, durable=False)
                    await asyncio.sleep(pause_s)

    return run
