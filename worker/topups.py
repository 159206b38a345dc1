"""Run the worker's loops for top-ups: fulfil, reverse and release them, and finish batches."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from billing.bulk import batch as batches
from billing.bulk.batch import DueBatch, SendBatch
from billing.bulk.runner import BatchRunner
from billing.engine.engine import Engine
from billing.fulfilment.protocol import ASK_S_MAX, NotRevoked, Request, Revocation, Revoked, Unknown
from billing.fulfilment.suppliers import ReadySupplier, Suppliers
from billing.topups import queries, reverse, settlement
from billing.topups.platform import Source
from billing.topups.queries import Due
from billing.topups.reverse import (
    BeginRevocation,
    DueReversal,
    EndReversal,
    PostponeReversal,
    RevocationCall,
)
from billing.topups.rules import TopUpRules
from billing.topups.topup import TopUp
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from kernel.storable import storable
from store.database import Database, Transaction
from store.errors import StoreError
from worker.fulfilment_runner import (
    AGAIN_US_MAX,
    AGAIN_US_MIN,
    DETAIL_CHARACTERS_MAX,
    FIRST_WAIT_US,
    NOBODY_WAIT_US,
    WAIT_US_MAX,
    Breakers,
    FulfilmentRunner,
    OnCall,
    Superseded,
    SupplierPlace,
)
from worker.woken_loop import PAUSE_S, DueItem, DueLoop, Poll, Setbacks, WokenLoop

UNDER_WAY_MAX = 64
ASKED_AT_ONCE_MAX = 16  # of one supplier
BEAT_S = 30.0

_log = logging.getLogger(__name__)

RELEASED_MAX: Final = 500
# Sleep at most this long, because another worker's hint may be lost or a clock may be changed.
RELEASE_BEAT_S: Final = 15.0
LOOKED_AT_MAX: Final = 50
BATCH_BEAT_S: Final = 15.0


class Fulfiller(WokenLoop):
    """Calls suppliers for pending top-ups, or simulates sandbox top-ups, until the top-ups end.

    - An attempt is recorded before its supplier is called. From then on, the top-up can't be cancelled.
    - A missing response isn't a refusal. One worker at a time calls the same supplier again, at growing intervals.
      If the outcome can't be determined, an operator decides. The next supplier is called only after a definite
      refusal.
    - A supplier has a deadline, a limited share and a circuit breaker, so it can only delay its own top-ups.
    """

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
        self._under_way: dict[str, tuple[SupplierPlace, asyncio.Task[None]]] = {}
        self._setbacks = Setbacks()
        self._breakers = breakers or Breakers()
        self._runner = FulfilmentRunner(database, clock, engine, suppliers, self._breakers, on_call)
        self._is_over = False
        self._suppliers = suppliers
        suppliers.on_change.append(self._suppliers_changed)

    async def _poll(self) -> float:
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
        """Return the supplier whose share the top-up uses. If it has no supplier, return its platform."""
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
        counted = Counter(place for place, _ in self._under_way.values())
        full = {place for place, number in counted.items() if number >= ASKED_AT_ONCE_MAX}
        return sorted(full.union(self._paused(), self._breakers.left_alone()))

    def _paused(self) -> set[SupplierPlace]:
        return {(one.environment, one.id) for one in self._suppliers.known() if one.is_paused}

    def _suppliers_changed(self) -> None:
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
            # The task was cancelled by its handler, not by this loop.
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
        fields = {"transaction_id": topup.id, "platform": topup.platform}
        try:
            await self._runner.take(topup)
        except (StoreError, Unavailable) as error:
            _log.warning("fulfilment.delayed", extra={"fields": {**fields, "error": str(error)}})
            self._setbacks.failed(topup.id)
        except (DomainError, Superseded) as refusal:
            # The top-up has ended or was cancelled, or another worker has it.
            _log.info("fulfilment.superseded", extra={"fields": {**fields, "reason": str(refusal)}})
            self._setbacks.failed(topup.id)
        except Exception:
            _log.exception("fulfilment.broke", extra={"fields": fields})
            self._setbacks.failed(topup.id)
        else:
            self._setbacks.went_well(topup.id)


class Revoker(DueLoop):
    """Calls suppliers about reversals until they confirm or refuse.

    A missing response counts as neither. A reversal whose supplier is paused, disabled or removed is checked each
    minute. An operator can settle it with `topup manual-review reverse`.
    """

    name = "reversals"
    subject = "transaction_id"
    under_way_max = 32
    at_one_place_max = 4
    beat_s = 30.0

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, suppliers: Suppliers
    ) -> None:
        super().__init__(database, clock)
        self._engine = engine
        self._suppliers = suppliers
        self._codes = engine.rules.of(TopUpRules).codes

    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]:
        due = await reverse.due_reversals(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            exclude_keys=look.exclude_keys,
        )
        return [DueItem(one.id, one.place, partial(self._take, one)) for one in due]

    async def _next_at(self, tx: Transaction, look: Poll) -> int | None:
        return await reverse.next_reversal_at(tx, exclude_ids=look.exclude_ids)

    async def _take(self, due: DueReversal) -> None:
        supplier = self._suppliers.find(due.tenant.environment, due.supplier)
        if supplier is None or not supplier.is_active or supplier.is_paused:
            _log.warning("reversals.nobody", extra={"fields": {"transaction_id": due.id}})
            until = self._clock.now_us() + NOBODY_WAIT_US
            work = partial(reverse.postpone_reversal, topup_id=due.id, until=until)
            await self._database.transaction(work)
            return
        wait_us = min(WAIT_US_MAX, FIRST_WAIT_US * 2 ** min(due.checks_made, 4))
        next_check_at = self._clock.now_us() + wait_us
        # The time limit starts before the command, so no other worker calls meanwhile.
        until_s = asyncio.get_running_loop().time() + ASK_S_MAX
        asked = await self._engine.submit(
            BeginRevocation(
                due.id,
                due.tenant,
                seen_checks_made=due.checks_made,
                next_check_at=next_check_at,
                source=Source(supplier.id, supplier.kind),
                recipient_email=due.recipient_email,
                is_one_per_recipient=supplier.is_one_per_recipient,
            )
        )
        if asked.attempt is not None:
            outcome = await self._call_supplier(supplier, asked, until_s)
            await self._settle(due, outcome, next_check_at)

    async def _call_supplier(
        self, supplier: ReadySupplier, asked: RevocationCall, until_s: float
    ) -> Revocation:
        if asyncio.get_running_loop().time() >= until_s:
            return Unknown("the worker was stopped before it asked")
        topup, attempt = asked.topup, asked.attempt
        assert attempt is not None
        request = Request(
            transaction_id=topup.id,
            account_id=topup.account_id,
            environment=topup.environment,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            recipient_email=topup.recipient_email,
            voucher_code=self._codes.code_of(topup.id),
            attempt=attempt.requests_made,
            prepared=asked.prepared,
            recipient_left=asked.recipient_left,
        )
        try:
            async with asyncio.timeout_at(until_s):
                outcome: object = await supplier.asked.revoke(request, self._value_of(topup))
        except TimeoutError:
            return Unknown("timeout")
        except Exception as error:
            _log.exception("supplier.broke", extra={"fields": {"supplier": supplier.id}})
            return Unknown(type(error).__name__)
        if isinstance(outcome, Revoked | NotRevoked | Unknown):
            return outcome
        return Unknown("an outcome that cannot be kept")

    def _value_of(self, topup: TopUp) -> str | None:
        given = topup.deliverable
        if given is None or given.value_hint is None:
            return None
        return self._codes.issued(topup.id, topup.fulfilment_code)

    async def _settle(self, due: DueReversal, outcome: Revocation, next_check_at: int) -> None:
        checks_made = due.checks_made + 1
        again_at: int | None = next_check_at
        fields = {
            "transaction_id": due.id,
            "supplier": due.supplier,
            "outcome": type(outcome).__name__.lower(),
            "detail": outcome.detail if isinstance(outcome, Unknown) else None,
        }
        _log.info("reversals.asked", extra={"fields": fields})
        if isinstance(outcome, Unknown):
            if outcome.needs_review:
                again_at = None
            elif outcome.again_in_s is not None:
                again_us = int(outcome.again_in_s * SECOND_US)
                bounded_us = max(AGAIN_US_MIN, min(again_us, AGAIN_US_MAX))
                again_at = self._clock.now_us() + bounded_us
            detail = storable(outcome.detail, characters_max=DETAIL_CHARACTERS_MAX)
            await self._engine.submit(
                PostponeReversal(
                    due.id,
                    due.tenant,
                    checks_made=checks_made,
                    detail=detail,
                    next_check_at=again_at,
                )
            )
            return
        is_revoked = isinstance(outcome, Revoked)
        await self._engine.submit(
            EndReversal(
                due.id,
                due.tenant,
                is_revoked=is_revoked,
                reason="" if isinstance(outcome, Revoked) else outcome.reason,
                checks_made=checks_made,
            )
        )


class Releaser(WokenLoop):
    """Releases each scheduled top-up about a second after its time, by the account's clock."""

    name = "release"

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
        self._setbacks = Setbacks(now_s)

    async def _poll(self) -> float:
        return 0.0 if await self.sweep() == RELEASED_MAX else await self._wait_s()

    async def sweep(self) -> int:
        now_us = self._clock.now_us()

        async def fetch(tx: Transaction) -> list[settlement.DueSend]:
            return await settlement.due_scheduled(
                tx, now_us=now_us, limit=RELEASED_MAX, exclude_ids=self._setbacks.held_back()
            )

        due = await self._database.read(fetch)
        # Commands are submitted together, to share a batch. Each has its own outcome.
        were_reached = await asyncio.gather(*(self._release(one) for one in due))
        if not all(were_reached):
            raise Unavailable("The database is not reachable.")
        return len(due)

    async def _release(self, one: settlement.DueSend) -> bool:
        fields = {"transaction_id": one.id}
        command = settlement.Release(one.id, one.tenant, one.spent_by)
        try:
            await self._engine.submit(command)
        except (StoreError, Unavailable):
            return False
        except DomainError as refusal:
            _log.info("release.refused", extra={"fields": {**fields, "reason": refusal.detail}})
            self._setbacks.failed(one.id)
        except Exception:
            _log.exception("release.broke", extra={"fields": fields})
            self._setbacks.failed(one.id)
        else:
            self._setbacks.went_well(one.id)
        return True

    async def _wait_s(self) -> float:
        read = partial(settlement.next_scheduled_at, exclude_ids=self._setbacks.held_back())
        next_due_at = await self._database.read(read)
        held_back_s = self._setbacks.next_s()
        wait_s = RELEASE_BEAT_S if held_back_s is None else min(RELEASE_BEAT_S, held_back_s)
        if next_due_at is None:
            return wait_s
        return min(wait_s, max(0.0, (next_due_at - self._clock.now_us()) / SECOND_US))


class Batcher(WokenLoop):
    """Continues batches that a crash left partly accepted. Publishes the end of each batch."""

    name = "batches"
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
        self._runner = BatchRunner(database, clock, engine)
        self._setbacks = Setbacks(now_s)

    async def _poll(self) -> float:
        await self.sweep()
        return await self._wait_s()

    async def sweep(self) -> int:
        now_us = self._clock.now_us()

        async def fetch(tx: Transaction) -> list[DueBatch]:
            return await batches.due(
                tx, now_us=now_us, limit=LOOKED_AT_MAX, exclude_ids=self._setbacks.held_back()
            )

        due = await self._database.read(fetch)
        waiting = [one.batch for one in due if one.is_waiting]
        if waiting:
            await self._database.transaction(
                partial(batches.postpone, batches=waiting, now_us=now_us)
            )
        went_on = [self._resume(one.batch) for one in due if not one.is_waiting]
        if not all(await asyncio.gather(*went_on)):
            raise Unavailable("The database is not reachable.")
        return len(due)

    async def _resume(self, batch: SendBatch) -> bool:
        try:
            await self._runner.run(batch)
        except (StoreError, Unavailable):
            return False
        except Exception:
            _log.exception("batches.broke", extra={"fields": {"batch_id": batch.id}})
            self._setbacks.failed(batch.id)
        else:
            self._setbacks.went_well(batch.id)
        return True

    async def _wait_s(self) -> float:
        read = partial(batches.next_check_at, exclude_ids=self._setbacks.held_back())
        look_at = await self._database.read(read)
        if look_at is None:
            return BATCH_BEAT_S
        return min(BATCH_BEAT_S, max(0.0, (look_at - self._clock.now_us()) / SECOND_US))
