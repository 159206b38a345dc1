"""Chores that delete what is older than its environment's retention, and ended sign-ins.

Short transactions of a bounded number of rows, with pauses that let others write. An account's environment
with nothing old costs two index entries.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from billing.providers import event_log as provider_event
from billing.recipients import owner_mail
from billing.recipients.erasure import prune_mails
from billing.reconciliation import differences
from billing.subscriptions.entitlement import prune_uses
from kernel.clock import DAY_US, Clock
from kernel.tenant import Tenant
from keys import audit_log, session
from keys.authorization import client as mcp_client, grant as mcp_code, token as mcp_token
from keys.tokens import device_login
from runtime.request_log import rows as request_rows
from runtime.settings import Settings
from store.database import Database, Transaction
from store.errors import DataRefused, StoreError
from webhooks.deliveries import retention
from webhooks.deliveries.log import DeliveryCursor
from worker.chores import DAY_S, EVERYWHERE, PAUSE_S, Chore, OnPruning, not_noted

RETENTION_S: Final = 3600
# A smaller step still counts as this, because its transactions cost too.
STEP_ROWS_MIN: Final = 50
AUTHORIZATION_ROWS: Final = 500

_Prune = Callable[..., Awaitable[int]]
logger = logging.getLogger(__name__)


def retention_chore(
    database: Database,
    clock: Clock,
    kept_us: Mapping[str, int],
    *,
    pause_s: float = PAUSE_S,
    on_walked: Callable[[int], None] = lambda _lag_us: None,
    on_pruning: OnPruning = not_noted,
) -> Chore:
    """Return the chore; kept_us: each environment's retention.

    on_walked gets by how much the oldest row has outlived it, or 0; on_pruning, first, the time up to which
    rows go.
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
    """Delete command-line logins that nobody completed, with their addresses."""

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


def requests_chore(
    database: Database, clock: Clock, kept_us: int, *, pause_s: float = PAUSE_S
) -> Chore:
    async def run() -> None:
        found = -1
        while found:
            step = partial(_requests, before_us=clock.now_us() - kept_us)
            found = await database.transaction(step, durable=False)
            await asyncio.sleep(pause_s)

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
    """Delete MCP clients' codes, tokens and registrations that are over."""

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
    """The pauses of one walk: one after that many rows, of any account."""

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
    """Prune one account's environment; log a failure, leave it for next time, return False."""
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
    """Delete old mail to recipients and to accounts' owners; kept_us by environment."""
    prunes: Sequence[_Prune] = (prune_mails, owner_mail.prune)
    return Chore("mails.prune", DAY_S, _walk(database, clock, kept_us, prunes, pause_s))


def money_chore(
    database: Database, clock: Clock, kept_us: Mapping[str, int], *, pause_s: float = PAUSE_S
) -> Chore:
    """Delete old uses of entitlements and closed differences of money; kept_us by environment."""
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
