"""End what expires: approvals, holds and promotional credit, within about a second, by the account's clock.

Several workers may run at once, because each command checks under its account's lock. One that is refused
or breaks is held back alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from billing.credits import grant
from billing.engine.engine import Command, Engine
from billing.topups import approval as approvals
from billing.topups.settlement import Decide
from billing.usage import hold
from billing.usage.hold_commands import ExpireHolds
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import PAUSE_S, Setbacks, WokenLoop

SWEPT_MAX: Final = 100
HOLDS_MAX: Final = 500
BEAT_S: Final = hold.LOOK_US / SECOND_US

_log = logging.getLogger(__name__)


class Expirer(WokenLoop):
    name = "expiry"
    rest_s = PAUSE_S

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._engine = engine
        self._approvals = Setbacks(now_s)
        self._grants = Setbacks(now_s)
        self._holds = Setbacks(now_s)

    async def _look(self) -> float:
        return await self._wait_s() if await self.sweep() == 0 else PAUSE_S

    async def sweep(self) -> int:
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> list[_Ending]:
            asked = await approvals.expired(
                tx, now_us=now_us, limit=SWEPT_MAX, exclude_ids=self._approvals.held_back()
            )
            tenants = await grant.tenants_with_expired(
                tx, now_us=now_us, limit=SWEPT_MAX, but_tenants=self._grants.held_back()
            )
            held = await hold.due(
                tx, now_us=now_us, limit=HOLDS_MAX, exclude_ids=self._holds.held_back()
            )
            return [
                *(_Ending(self._approvals, (one.id,), partial(_decide, one)) for one in asked),
                *(
                    _Ending(self._grants, ("/".join(one),), partial(_expire, one))
                    for one in tenants
                ),
                *(
                    _Ending(self._holds, tuple(ids), partial(ExpireHolds, tenant))
                    for tenant, ids in sorted(held.items())
                ),
            ]

        endings = await self._database.read(look)
        # Together, to share batches; each has its own outcome.
        were_reached = await asyncio.gather(*(self._end(one) for one in endings))
        if not all(were_reached):
            raise Unavailable("The database is not reachable.")
        return len(endings)

    async def _end(self, ending: "_Ending") -> bool:
        """Submit it, or if it fails each item alone; return False if nothing was reached."""
        try:
            await self._engine.submit(ending.command(ending.items))
        except (StoreError, Unavailable):
            return False
        except Exception as error:
            if len(ending.items) > 1:
                apart = [_Ending(ending.setbacks, (item,), ending.command) for item in ending.items]
                return all([await self._end(one) for one in apart])
            ending.setbacks.failed(ending.items[0])
            fields = {"item": ending.items[0]}
            if isinstance(error, DomainError):  # somebody was quicker
                _log.info("expiry.refused", extra={"fields": {**fields, "reason": error.detail}})
            else:
                _log.exception("expiry.broke", extra={"fields": fields})
        else:
            ending.setbacks.went_well(*ending.items)
        return True

    async def _wait_s(self) -> float:
        next_due_at = await self._database.read(hold.next_due_at)
        if next_due_at is None:
            return BEAT_S
        return min(BEAT_S, max(PAUSE_S, (next_due_at - self._clock.now_us()) / SECOND_US))


@dataclass(frozen=True, slots=True)
class _Ending:
    setbacks: Setbacks
    items: tuple[str, ...]
    command: Callable[[tuple[str, ...]], Command[object]]


def _expire(tenant: Tenant, _items: tuple[str, ...]) -> grant.ExpireGrants:
    return grant.ExpireGrants(tenant)


def _decide(asked: approvals.Approval, _items: tuple[str, ...]) -> Decide:
    return Decide(
        topup_id=asked.transaction_id,
        tenant=asked.tenant,
        approval_id=asked.id,
        decision="expired",
    )
