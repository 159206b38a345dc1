"""Run the worker's loops for webhook endpoints: end and replay deliveries, probe endpoints, and end subscriptions."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from kernel.clock import SECOND_US, Clock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.vault import Vault
from runtime.context import Context
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.deliveries import ending, endpoint_queue
from webhooks.deliveries.stage import Claimed
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.probe import DueProbe, Probe, due_probes, next_probe_at
from webhooks.replays import step as replay_step
from webhooks.replays.step import Due
from webhooks.subscriptions import subscription
from worker.chores import PAUSE_S, Chore
from worker.woken_loop import DueItem, DueLoop, Poll

END_LOOK_S: Final = 15.0
END_PAUSE_S: Final = 0.005
ENDPOINTS_PER_LOOK: Final = 50

logger = logging.getLogger(__name__)

JOBS_AT_ONCE: Final = 64
REPLAY_LOOK_S: Final = 1.0
REPLAY_PAUSE_S: Final = 0.005
RETRY_S: Final = 1.0
SWEEP_S: Final = 60
PRUNE_S: Final = 3600


class Ender:
    """Ends the deliveries of deleted and disabled endpoints (see webhooks/deliveries/ending.py)."""

    def __init__(self, database: Database, clock: Clock, *, look_s: float = END_LOOK_S) -> None:
        self._database = database
        self._clock = clock
        self._look_s = look_s
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            await self.sweep()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._woken.wait()

    async def sweep(self) -> int:
        ended, failed = 0, 0
        try:
            found = await self._database.read(partial(_ending, now_us=self._clock.now_us()))
        except StoreError as error:
            logger.warning("ending.waits", extra={"error": str(error)})
            return 0
        for endpoint_id in found:
            try:
                ended += await self._end(endpoint_id)
            except StoreError as error:
                failed += 1
                logger.warning(
                    "ending.waits", extra={"endpoint_id": endpoint_id, "error": str(error)}
                )
            except Exception:
                failed += 1
                logger.exception("ending.broke", extra={"endpoint_id": endpoint_id})
        if len(found) == ENDPOINTS_PER_LOOK and not failed:
            self.wake()
        return ended

    async def _end(self, endpoint_id: str) -> int:
        place: ending.EndingCursor | None = ending.EndingCursor()
        ended = 0
        while place is not None:
            step = partial(_step, endpoint_id=endpoint_id, place=place, now_us=self._clock.now_us())
            # Don't wait for the disk. If a crash undoes a step, it is repeated.
            place, changed = await self._database.transaction(step, durable=False)
            ended += changed
            await asyncio.sleep(END_PAUSE_S)
        if ended:
            logger.info("ending.ended", extra={"endpoint_id": endpoint_id, "deliveries": ended})
        return ended


async def _ending(tx: Transaction, *, now_us: int) -> list[str]:
    return await endpoint_queue.ending(tx, now_us=now_us, limit=ENDPOINTS_PER_LOOK)


async def _step(
    tx: Transaction, *, endpoint_id: str, place: ending.EndingCursor, now_us: int
) -> tuple[ending.EndingCursor | None, int]:
    return await ending.step(tx, endpoint_id, place, now_us=now_us)


class Prober(DueLoop):
    """Probes disabled endpoints. Each account gets a limited share of the probes."""

    name = "probes"
    subject = "endpoint_id"
    under_way_max = 16
    at_one_place_max = 2
    beat_s = 60.0

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe.database, probe.clock)
        self._probe = probe

    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]:
        due = await due_probes(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            but_accounts=look.exclude_keys,
        )
        return [
            DueItem(one.endpoint_id, one.tenant.account_id, partial(self._probe_one, one))
            for one in due
        ]

    async def _next_at(self, tx: Transaction, look: Poll) -> int | None:
        return await next_probe_at(tx, exclude_ids=look.exclude_ids)

    async def _probe_one(self, due: DueProbe) -> None:
        probed = await self._probe.send(due)
        account_id, environment = due.tenant
        logger.info(
            "endpoint.probed",
            extra={
                "account_id": account_id,
                "environment": environment,
                "endpoint_id": due.endpoint_id,
                "outcome": probed,
            },
        )


def probers_of(context: Context) -> Sequence[Prober]:
    """Return the probe loop, or nothing if the operator disabled probes."""
    if not context.settings.webhook_probe:
        return ()
    probe = Probe(
        context.database,
        context.vault,
        context.transport,
        context.clock,
        context.policy,
        context.settings.webhook_timeout_s,
    )
    return (Prober(probe),)


class Replayer:
    """Runs replay jobs, on the same clock as deliveries."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        while True:
            wait_s = await self.poll()
            await asyncio.sleep(wait_s)

    async def poll(self) -> float:
        try:
            jobs = await self._database.read(partial(replay_step.due, limit=JOBS_AT_ONCE))
        except StoreError as error:
            logger.warning("replay.waits", extra={"error": str(error)})
            return RETRY_S
        except Exception:
            logger.exception("replay.broke")
            return RETRY_S
        now_us = self._clock.now_us()
        due = [job for job in jobs if job.next_step_at <= now_us]
        if due:
            were_taken = [await self._take(job) for job in due]
            return REPLAY_PAUSE_S if any(were_taken) else RETRY_S
        if not jobs:
            return REPLAY_LOOK_S
        return min(REPLAY_LOOK_S, max(REPLAY_PAUSE_S, (jobs[0].next_step_at - now_us) / SECOND_US))

    async def _take(self, job: Due) -> bool:
        try:
            # Don't wait for the disk. A crash undoes the deliveries together with the cursor.
            step = await self._database.transaction(
                partial(replay_step.step, job=job, now_us=self._clock.now_us()), durable=False
            )
        except StoreError as error:
            logger.warning("replay.waits", extra={"replay_id": job.id, "error": str(error)})
            return False
        except Exception:
            # A failing job must not stop deliveries or other jobs.
            logger.exception("replay.broke", extra={"replay_id": job.id})
            return False
        if step is not None and step.is_over:
            account_id, environment = job.tenant
            logger.info(
                "replay.ended",
                extra={"replay_id": job.id, "account_id": account_id, "environment": environment},
            )
        return True


class Subscriptions:
    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def may_send(self, claimed: Claimed) -> bool:
        """Return whether the delivery's subscription is valid. If it has ended, delete it and its open deliveries."""
        endpoint_id = claimed.target.id
        try:
            tenant = await self._database.read(
                partial(_over, endpoint_id=endpoint_id, now_us=self._clock.now_us())
            )
            if tenant is None:
                return True
            await self._end(endpoint_id, tenant)
        except StoreError:
            # Don't send a delivery that couldn't be checked. After the lease ends, another claim retries.
            logger.warning("subscription.not_checked", extra={"endpoint_id": endpoint_id})
        return False

    def chores(self) -> tuple[Chore, ...]:
        return (
            Chore("subscriptions.end", SWEEP_S, self._sweep),
            Chore("subscriptions.prune", PRUNE_S, self._prune),
        )

    async def _sweep(self) -> None:
        found = await self._database.read(partial(_expired, now_us=self._clock.now_us()))
        for endpoint_id, tenant in found:
            try:
                await self._end(endpoint_id, tenant)
            except Exception:
                logger.exception("subscription.not_ended", extra={"endpoint_id": endpoint_id})
            await asyncio.sleep(PAUSE_S)

    async def _prune(self) -> None:
        found = subscription.PRUNED_ROWS
        while found == subscription.PRUNED_ROWS:
            found = await self._database.transaction(subscription.prune, durable=False)
            await asyncio.sleep(PAUSE_S)

    async def _end(self, endpoint_id: str, tenant: Tenant) -> None:
        async def work(tx: Transaction) -> bool:
            await lock_tenants(tx, [tenant])
            # The client may have renewed the subscription in the meantime.
            now_us = self._clock.now_us()
            if await subscription.over(tx, endpoint_id, now_us=now_us) is None:
                return False
            await endpoints.delete(tx, self._vault, tenant, endpoint_id, now_us=now_us)
            return True

        try:
            if await self._database.transaction(work):
                logger.info("subscription.ended", extra={"endpoint_id": endpoint_id})
        except NotFound:
            return


async def _over(tx: Transaction, endpoint_id: str, now_us: int) -> Tenant | None:
    return await subscription.over(tx, endpoint_id, now_us=now_us)


async def _expired(tx: Transaction, now_us: int) -> list[tuple[str, Tenant]]:
    return list(await subscription.expired(tx, now_us=now_us))
