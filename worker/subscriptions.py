"""End the subscriptions of MCP clients: with their time, and with the credential that holds them.

Each delivery reads whether its subscription stands; a sweep ends those that nothing was sent to.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.vault import Vault
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.deliveries.stage import Claimed
from webhooks.endpoints import endpoint as endpoints
from webhooks.subscriptions import subscription
from worker.chores import PAUSE_S, Chore

SWEEP_S: Final = 60
PRUNE_S: Final = 3600

logger = logging.getLogger(__name__)


class Subscriptions:
    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def may_send(self, claimed: Claimed) -> bool:
        """Return whether the delivery's subscription stands; end it otherwise, with all that is open."""
        endpoint_id = claimed.target.id
        try:
            tenant = await self._database.read(
                partial(_over, endpoint_id=endpoint_id, now_us=self._clock.now_us())
            )
            if tenant is None:
                return True
            await self._end(endpoint_id, tenant)
        except StoreError:
            # Nothing is sent unchecked; the lease ends, and another claim comes.
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
                # The next sweep comes back to this one.
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
            # It may have been renewed since.
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
