"""Refunds are asked for at their providers, and asked about until it is clear what became of them.

Promises: of several workers one asks at a time, and what a worker that died asked is asked about; a provider
that hangs delays its own refunds only; no transaction is open while it answers. The rules are
billing/refunds/refunder.py's.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from billing.orders.refund_row import Refund
from billing.refunds import queries as refund_rows
from billing.refunds.refunder import Refunder
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError
from store.database import Database
from store.errors import StoreError
from worker.setbacks import Setbacks
from worker.woken_loop import PAUSE_S, WokenLoop

UNDER_WAY_MAX: Final = 16
ASKED_AT_ONCE_MAX: Final = 4  # of one provider
BEAT_S: Final = 30.0

_log = logging.getLogger(__name__)


class RefundLoop(WokenLoop):
    """The worker's loop over open refunds; woken, or timed to the next one."""

    name = "refunds"

    def __init__(self, database: Database, clock: Clock, refunder: Refunder) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._refunder = refunder
        # By the refund's id, with its provider.
        self._under_way: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._setbacks = Setbacks()

    async def _look(self) -> float:
        await self._start_due()
        return await self._wait_s()

    async def _stop(self) -> None:
        tasks = [task for _, task in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def step(self) -> int:
        """Handles what is due now, to its end; returns how many refunds there were."""
        handled = 0
        while started := await self._start_due():
            handled += started
            tasks = [task for _, task in self._under_way.values()]
            await asyncio.gather(*tasks, return_exceptions=True)
        return handled

    async def _start_due(self) -> int:
        room = UNDER_WAY_MAX - len(self._under_way)
        if room <= 0:
            return 0
        due = await self._database.read(
            partial(
                refund_rows.due,
                now_us=self._clock.now_us(),
                # More than there is room for: of one provider not all are begun.
                limit=UNDER_WAY_MAX * 8,
                but_ids=self._not_now(),
                # However many are due of one that hangs, they hide nobody else's.
                but_providers=self._full(),
            )
        )
        started = 0
        for one in due:
            of_provider = sum(name == one.provider for name, _ in self._under_way.values())
            if started < room and of_provider < ASKED_AT_ONCE_MAX:
                started += 1
                task = asyncio.ensure_future(self._handle(one))
                self._under_way[one.id] = (one.provider, task)
                task.add_done_callback(partial(self._ended, one.id))
        return started

    def _full(self) -> list[str]:
        """Providers that are asked about as many as may be at once."""
        names = [name for name, _ in self._under_way.values()]
        return sorted(name for name in set(names) if names.count(name) >= ASKED_AT_ONCE_MAX)

    def _not_now(self) -> list[str]:
        return [*self._under_way, *self._setbacks.held_back()]

    def _ended(self, refund_id: str, _task: "asyncio.Task[None]") -> None:
        del self._under_way[refund_id]
        self.wake()

    async def _wait_s(self) -> float:
        """How long nothing can be begun, unless something under way ends."""
        held_s = self._setbacks.next_s()
        wait_s = BEAT_S if held_s is None else min(BEAT_S, held_s)
        next_at = await self._database.read(
            partial(refund_rows.next_due_at, but_ids=self._not_now(), but_providers=self._full())
        )
        if next_at is None:
            return wait_s
        due_s = (next_at - self._clock.now_us()) / SECOND_US
        return min(wait_s, due_s if due_s > 0 else PAUSE_S)

    async def _handle(self, due: Refund) -> None:
        """One refund; whatever happens is told here and concerns no other."""
        fields = {"refund_id": due.id}
        try:
            await self._refunder.ask(due)
        except (StoreError, DomainError) as error:
            # Erased meanwhile, or the database is away: it is due again.
            _log.warning("refunds.delayed", extra={"fields": {**fields, "error": str(error)}})
            self._setbacks.failed(due.id)
        except Exception:
            _log.exception("refunds.broke", extra={"fields": fields})
            self._setbacks.failed(due.id)
        else:
            self._setbacks.went_well(due.id)
