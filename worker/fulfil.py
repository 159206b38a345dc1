"""Call suppliers about pending top-ups, or run the sandbox's script, until the top-ups end.

- An attempt is written before its supplier is called; from then on the top-up can't be cancelled.
- No response is never a no: the same supplier is called again, at growing intervals, by one worker at a
  time. If nothing can find out, an operator decides. The next supplier is called only after a definite no.
- A supplier can delay only its own top-ups: it has a deadline, a share of those under way and a breaker.
"""

import asyncio
import logging
from collections import Counter
from functools import partial

from billing.engine.engine import Engine
from billing.fulfilment.suppliers import Suppliers
from billing.topups import queries
from billing.topups.queries import Due
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from store.database import Database, Transaction
from store.errors import StoreError
from worker.fulfilment_runner import Breakers, FulfilmentRunner, OnCall, Superseded, SupplierPlace
from worker.woken_loop import Setbacks, WokenLoop

UNDER_WAY_MAX = 64
ASKED_AT_ONCE_MAX = 16  # of one supplier
BEAT_S = 30.0

_log = logging.getLogger(__name__)


class Fulfiller(WokenLoop):
    name = "fulfilment"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        suppliers: Suppliers,
        on_call: OnCall = lambda _call: None,
        *,
        breakers: Breakers | None = None,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._under_way: dict[
            str, tuple[SupplierPlace, asyncio.Task[None]]
        ] = {}  # by the top-up's id
        self._setbacks = Setbacks()
        self._breakers = breakers or Breakers()
        self._runner = FulfilmentRunner(database, clock, engine, suppliers, self._breakers, on_call)
        self._is_over = False
        self._suppliers = suppliers
        suppliers.on_change.append(self._suppliers_changed)

    async def _look(self) -> float:
        await self._start_due()
        return await self._wait_s()

    async def step(self) -> int:
        handled = 0
        while started := await self._start_due():
            handled += started
            await asyncio.gather(
                *(task for _, task in self._under_way.values()), return_exceptions=True
            )
        return handled

    async def _start_due(self) -> int:
        started = 0
        while (room := UNDER_WAY_MAX - len(self._under_way)) > 0:
            due = await self._database.read(partial(self._due, limit=room, busy=self._busy()))
            counted = Counter(place for place, _ in self._under_way.values())
            began = 0
            for topup in due:
                place = self._place_of(topup)
                if counted[place] < ASKED_AT_ONCE_MAX:
                    counted[place] += 1
                    self._start(topup, place)
                    began += 1
            if began == 0:
                break
            started += began
        return started

    def _place_of(self, topup: Due) -> SupplierPlace:
        """Return whose share it takes: its supplier's, or without one its platform's."""
        return (topup.tenant.environment, topup.supplier or f"platform {topup.platform}")

    async def _due(self, tx: Transaction, *, limit: int, busy: list[SupplierPlace]) -> list[Due]:
        now_us, exclude_ids = self._clock.now_us(), self._not_now()
        found = await queries.due(
            tx, now_us=now_us, limit=limit, exclude_ids=exclude_ids, but_suppliers=busy
        )
        paused = self._paused()
        for place, silent in self._breakers.to_be_tried().items():
            if place not in paused and len(found) < limit:
                found += await queries.due_of(
                    tx, place, now_us=now_us, exclude_ids=exclude_ids, last_ids=silent
                )
        return found

    def _busy(self) -> list[SupplierPlace]:
        """Return suppliers with a full share, resting or paused."""
        counted = Counter(place for place, _ in self._under_way.values())
        full = {place for place, number in counted.items() if number >= ASKED_AT_ONCE_MAX}
        return sorted(full.union(self._paused(), self._breakers.left_alone()))

    def _paused(self) -> set[SupplierPlace]:
        return {(one.environment, one.id) for one in self._suppliers.known() if one.is_paused}

    def _suppliers_changed(self) -> None:
        """Call a supplier at once after an operator resumed it."""
        for one in self._suppliers.known():
            if not one.is_resting:
                self._breakers.answered((one.environment, one.id))
        self.wake()

    def _not_now(self) -> list[str]:
        return [*self._under_way, *self._setbacks.held_back()]

    def _start(self, topup: Due, place: SupplierPlace) -> None:
        self._breakers.begins(place)
        task = asyncio.ensure_future(self._handle(topup))
        self._under_way[topup.id] = (place, task)
        task.add_done_callback(partial(self._ended, topup.id))

    def _ended(self, topup_id: str, task: "asyncio.Task[None]") -> None:
        place, _ = self._under_way.pop(topup_id)
        self._breakers.ended(place)
        if task.cancelled() and not self._is_over:
            # Not by us: something inside gave up the whole task.
            _log.error("fulfilment.broke", extra={"fields": {"transaction_id": topup_id}})
            self._setbacks.failed(topup_id)
        self.wake()

    async def _stop(self) -> None:
        self._is_over = True
        tasks = [task for _, task in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_s(self) -> float:
        until = (BEAT_S, self._setbacks.next_s(), self._breakers.next_s())
        wait_s = min(seconds for seconds in until if seconds is not None)
        if len(self._under_way) >= UNDER_WAY_MAX:
            return wait_s
        next_due_at = await self._database.read(
            partial(queries.next_due_at, exclude_ids=self._not_now(), but_suppliers=self._busy())
        )
        if next_due_at is None:
            return wait_s
        return min(wait_s, max(0.0, (next_due_at - self._clock.now_us()) / SECOND_US))

    async def _handle(self, topup: Due) -> None:
        """Handle one top-up; log a failure, which concerns no other."""
        fields = {"transaction_id": topup.id, "platform": topup.platform}
        try:
            await self._runner.take(topup)
        except (StoreError, Unavailable) as error:
            _log.warning("fulfilment.delayed", extra={"fields": {**fields, "error": str(error)}})
            self._setbacks.failed(topup.id)
        except (DomainError, Superseded) as refusal:
            # A cancel or the service itself ended it, or another worker has it.
            _log.info("fulfilment.superseded", extra={"fields": {**fields, "reason": str(refusal)}})
            self._setbacks.failed(topup.id)
        except Exception:
            _log.exception("fulfilment.broke", extra={"fields": fields})
            self._setbacks.failed(topup.id)
        else:
            self._setbacks.went_well(topup.id)
