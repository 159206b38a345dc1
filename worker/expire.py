"""What ends by time alone: approvals after a day, holds and promotional credit at their expiry.

Promise: a hold that runs out is given back within about a second of its time, by its account's own
clock; a look costs a few probes and there is at most one a second, however often it is woken.
Several workers may look at once: each command checks again under its account's lock.
"""

import asyncio
import contextlib
import logging
from typing import Final

from billing import approval as approvals, grant, hold
from billing.reserve import ExpireHolds
from billing.settle import Decide, Ended
from billing.till import Command, Till
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError
from store.db import Database, Transaction
from store.errors import StoreError
from store.idempotency import Answer

SWEPT_MAX: Final = 100
HOLDS_MAX: Final = 500
PAUSE_S: Final = 1.0
BEAT_S: Final = hold.LOOK_US / SECOND_US

_log = logging.getLogger(__name__)


class Expirer:
    """The worker's loop over what runs out; woken, or timed to the next hold."""

    def __init__(self, database: Database, clock: Clock, till: Till) -> None:
        self._database = database
        self._clock = clock
        self._till = till
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may run out sooner than was known."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            wait_s = PAUSE_S
            try:
                if await self.sweep() == 0:
                    wait_s = await self._wait_s()
            except (StoreError, DomainError) as error:
                _log.warning("expiry.delayed", extra={"fields": {"error": str(error)}})
            except Exception:
                # What breaks here must not take the deliveries down with it.
                _log.exception("expiry.broke")
            # Many wake-ups make one look.
            await asyncio.sleep(PAUSE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s - PAUSE_S):
                    await self._woken.wait()

    async def sweep(self) -> int:
        """Ends what ran out; returns how many commands that took."""
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> list[Command]:
            asked = await approvals.expired(tx, now_us=now_us, limit=SWEPT_MAX)
            scopes = await grant.scopes_with_expired(tx, now_us=now_us, limit=SWEPT_MAX)
            held = await hold.due(tx, now_us=now_us, limit=HOLDS_MAX)
            return [
                *(_decide(one) for one in asked),
                *(grant.ExpireGrants(scope) for scope in scopes),
                *(ExpireHolds(scope, tuple(ids)) for scope, ids in sorted(held.items())),
            ]

        commands = await self._database.read(look)
        for command in commands:
            with contextlib.suppress(DomainError):  # somebody was quicker
                await self._till.submit(command)
        return len(commands)

    async def _wait_s(self) -> float:
        next_due_at = await self._database.read(hold.next_due_at)
        if next_due_at is None:
            return BEAT_S
        return min(BEAT_S, max(PAUSE_S, (next_due_at - self._clock.now_us()) / SECOND_US))


def _decide(asked: approvals.Approval) -> Decide:
    return Decide(
        topup_id=asked.transaction_id,
        scope=asked.scope,
        request_key=None,
        answer=_no_answer,
        approval_id=asked.id,
        decision="expired",
    )


def _no_answer(_ended: Ended) -> Answer:
    return Answer(200, b"")
