"""Subscriptions over time: the sandbox bills their next periods, and unpaid ones end.

A sandbox renewal is signed and verified like a provider's notification over HTTP, and resent under the same
IDs until it is noted. Time moves a subscription only once the sandbox has nothing left to bill, so a clock
that leaps shows every period.
"""

import logging
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from billing.engine.engine import Engine
from billing.payments.payments import Payments
from billing.payments.sandbox import subscription as sandbox_subscription
from billing.payments.sandbox.subscription import SandboxSubscription
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.lifecycle import PassTime
from billing.subscriptions.subscription import Subscription
from kernel.clock import Clock
from kernel.errors import DomainError, Unavailable
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import PAUSE_S, Setbacks, WokenLoop

DUE_MAX: Final = 100
# Only an advanced sandbox clock is urgent here, and that wakes the loop.
BEAT_S: Final = 30.0
_STANDS_IN: Final = "staging"

_log = logging.getLogger(__name__)


class Renewer(WokenLoop):
    name = "renewal"
    rest_s = PAUSE_S

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, payments: Payments
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._engine = engine
        self._payments = payments
        self._bills = Setbacks()
        self._moves = Setbacks()

    async def _look(self) -> float:
        await self.step()
        return BEAT_S

    async def step(self) -> int:
        billed = 0
        while True:
            found = await self._bill()
            if found == 0:
                break
            billed += found
        return billed + await self._pass_time()

    async def _bill(self) -> int:
        """Bill each sandbox subscription that is due once; return 0 if none moved."""
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> Sequence[SandboxSubscription]:
            return await sandbox_subscription.due(
                tx, now_us=now_us, limit=DUE_MAX, but_refs=self._bills.held_back()
            )

        found = await self._database.read(look)
        return sum([await self._try_to_bill(one) for one in found])

    async def _try_to_bill(self, one: SandboxSubscription) -> bool:
        try:
            has_gone_on = await self._bill_one(one)
        except (StoreError, Unavailable):
            raise
        except Exception:
            _log.exception("renewal.broke", extra={"fields": {"order_id": one.order_id}})
            has_gone_on = False
        if has_gone_on:
            self._bills.went_well(one.ref)
        else:
            self._bills.failed(one.ref)
        return has_gone_on

    async def _bill_one(self, one: SandboxSubscription) -> bool:
        providers = self._payments.providers
        provider = providers.of(one.provider, _STANDS_IN)
        sandbox_event, after = sandbox_subscription.bill(one)
        if provider is None or not providers.is_simulated(one.provider, _STANDS_IN):
            # The provider now has credentials here, and never heard of this subscription.
            await self._payments.steering.end_orphan_of(one.order_id)
            after = sandbox_subscription.abandoned(one)
        else:
            try:
                await self._payments.notified(one.provider, provider.simulate(sandbox_event))
            except DomainError as error:
                fields = {"order_id": one.order_id, "error": error.detail}
                _log.warning("renewal.not_told", extra={"fields": fields})
                return False
        return await self._database.transaction(
            lambda tx: sandbox_subscription.note(tx, one, after)
        )

    async def _pass_time(self) -> int:
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> Sequence[Subscription]:
            return await subscription_rows.due(
                tx, now_us=now_us, limit=DUE_MAX, exclude_ids=self._moves.held_back()
            )

        found = await self._database.read(look)
        for tenant, ones in groupby(sorted(found, key=_by_tenant), _by_tenant):
            await self._move(tenant, tuple(one.id for one in ones))
        return len(found)

    async def _move(self, tenant: Tenant, ids: tuple[str, ...]) -> None:
        try:
            await self._engine.submit(PassTime(ids, tenant))
        except (StoreError, Unavailable):
            raise
        except Exception as error:
            if len(ids) > 1:
                for one in ids:
                    await self._move(tenant, (one,))
                return
            self._moves.failed(ids[0])
            if not isinstance(error, DomainError):  # which is: erased meanwhile
                _log.exception("renewal.broke", extra={"fields": {"subscription_id": ids[0]}})
        else:
            self._moves.went_well(*ids)


def _by_tenant(one: Subscription) -> Tenant:
    return one.tenant
