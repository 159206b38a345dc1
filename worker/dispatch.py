"""The dispatcher: claims what is due and has a free slot, sends it, and has the outcome written.

A hint, a freed slot, the next due time or a beat starts a claim, one at a time; beside other workers
milliseconds later (worker/slots.py). A claimed delivery holds a slot until its outcome is written.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from kernel.clock import SECOND_US, Clock
from keys.vault import Vault
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.deliveries.claim import FIRST_HEAD, claim, claim_at_once
from webhooks.deliveries.endpoint_queue import put_off, take_turns
from webhooks.deliveries.stage import Claim, Claimed, Line
from worker.deliver import DeliverySender, Settled, Settler, log_attempt
from worker.slots import LATE_S, HintSharing, Slots

BEAT_S: Final = 2.0
# With work left over, freed slots are gathered this long, or until a quarter of them is free.
GATHER_S: Final = 0.005
CONTENDED_S: Final = 0.01
TIMER_S_MIN: Final = 0.001
# Requests written before responses are read, so the next one to an endpoint finds its connection
# free.
PART_MAX: Final = 32
# Endpoints with nothing due leave the line together: one with steady traffic hardly ever does.
PUT_OFF_S: Final = 0.25
RETRY_S_MAX: Final = 5.0
# The most and fewest IDs read for each endpoint, to choose among: twice its even share.
OFFER_IDS_MAX: Final = 500
OFFER_IDS_MIN: Final = 8

logger = logging.getLogger(__name__)


class Dispatcher:
    """One per worker process. on_later learns when a retry will be due, for other workers."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        sender: DeliverySender,
        slots: Slots,
        *,
        lease_us: int,
        on_later: Callable[[int], None],
        on_settled: Callable[[Settled], None] = log_attempt,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sender = sender
        self.slots = slots
        self._lease_us = lease_us
        self._on_later = on_later
        self._report = on_settled
        self._settler = Settler(
            database,
            vault,
            clock,
            under_way=lambda: len(self._sending),
            on_settled=self._note_settled,
        )
        self._sending: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._hinted: set[str] = set()
        self.sharing = HintSharing()
        self._timer: asyncio.TimerHandle | None = None
        # Rows were left for lack of a slot: of all, or of these endpoints' own.
        self._is_short = False
        self._full: frozenset[str] = frozenset()
        self._freed = 0
        self._endpoints_due = 0
        self._failures = 0
        # Where the next look begins; after a part of the line, hints may concern what is before it.
        self._after = FIRST_HEAD
        self._has_passed_hints = False
        self._put_off_at_s = 0.0
        self._looked_s = float("-inf")
        self._is_stopping = False

    def wake(self, endpoint_id: str = "") -> None:
        """Look now; calls until the next look are one. endpoint_id: whom it concerns, empty for any."""
        self._hinted.add(endpoint_id)
        self._look_for_hints()

    async def run(self) -> None:
        """Work until stop(), then finish what is under way. Raises what should end the process."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settler.run())
            self.wake()
            while not self._is_stopping:
                await self._woken.wait()
                self._woken.clear()
                hinted, self._hinted = self._hinted, set()
                if self._after != FIRST_HEAD:
                    self._has_passed_hints |= bool(hinted)
                if not self._is_stopping:
                    await self._take_at_once(hinted)
                    await self._look()
                    if self._hinted:
                        self._look_for_hints()
            self._set_timer(None)
            if self._sending:
                await asyncio.wait(self._sending)
            self._settler.close()

    @property
    def last_poll_at_s(self) -> float:
        return self._looked_s

    def stop(self) -> None:
        """Claim no more; run() returns once what is under way is written."""
        self._is_stopping = True
        self._woken.set()

    def _look_for_hints(self) -> None:
        """Look for what is hinted at: now, or in this worker's turn."""
        at_s = self.sharing.next_look_s(self.slots.held)
        wait_s = at_s - asyncio.get_running_loop().time()
        if wait_s > 0:
            self._set_timer_by(wait_s)
        else:
            self._woken.set()

    def _look_now(self) -> None:
        self._hinted.add("")
        self._woken.set()

    async def _take_at_once(self, hinted: set[str]) -> None:
        """Claim what a hint is about first, if nothing competes with it: on PostgreSQL a look is one more
        round trip [0.5 ms of a lone delivery's 5].
        """
        endpoint_id = next(iter(hinted)) if len(hinted) == 1 else ""
        room = self.slots.room_at_once(endpoint_id)
        if not room:
            return

        async def work(tx: Transaction) -> list[Claimed]:
            return await claim_at_once(
                tx,
                endpoint_id,
                now_us=self._clock.now_us(),
                lease_us=self._lease_us,
                rows_max=room,
            )

        try:
            claimed = await self._database.autocommit(work)
        except StoreError:
            return
        except Exception:
            logger.exception("claim.broke", extra={"endpoint_id": endpoint_id})
            return
        self._take(claimed)
        await self._begin(claimed)

    def _take(self, claimed: Sequence[Claimed]) -> None:
        self.sharing.note_taken(len(claimed), asyncio.get_running_loop().time())
        self.slots.take(claimed)

    async def _begin(self, claimed: Sequence[Claimed]) -> None:
        """Begin part by part: all at once would open new connections for most of them."""
        loop = asyncio.get_running_loop()
        for first in range(0, len(claimed), PART_MAX):
            for one in claimed[first : first + PART_MAX]:
                task = loop.create_task(self._deliver(one))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            # Requests go out before the next statement does.
            await asyncio.sleep(0)

    async def _look(self) -> None:
        self.sharing.note_look(asyncio.get_running_loop().time())
        # A slot freed while the line is read in parts concerns the earlier parts, too.
        is_first = self._after == FIRST_HEAD
        self._freed = 0 if is_first else self._freed
        # Before the claim: what ends during it must find that it was waited for.
        self._full = self.slots.full()
        if not self.slots.free:
            self._looked_s = time.monotonic()
            self._is_short = True
            self._set_timer(BEAT_S)
            return
        try:
            claim = await self._claim()
        except Exception as error:
            self._failures += 1
            if not isinstance(error, StoreError):
                # A claim that fails doesn't lose what is under way.
                logger.exception("claim.broke")
            elif self._failures == 1:
                logger.warning("claim.waits", extra={"error": str(error)})
            self._set_timer(min(GATHER_S * 2 ** min(self._failures, 16), RETRY_S_MAX))
            return
        self._failures = 0
        self._looked_s = time.monotonic()
        self._take(claim.claimed)
        self._endpoints_due = claim.endpoints_due
        full = self.slots.full()
        self._full |= claim.short_ids & full
        is_short = not claim.short_ids <= full
        self._is_short = is_short or (self._is_short and not is_first)
        set_timer = self._set_timer if is_first else self._set_timer_by
        set_timer(self._wait_s(claim))
        if claim.has_more or self._goes_on(claim):
            # Even with no slot left: that look notes the shortage and waits for one.
            self._woken.set()
        await self._begin(claim.claimed)
        if await self._keep_line(claim.line) and claim.line.hides_failing:
            self._woken.set()

    def _goes_on(self, claim: Claim) -> bool:
        line = claim.line
        self._after = line.after or FIRST_HEAD
        if line.after is not None:
            return True
        had_passed, self._has_passed_hints = self._has_passed_hints, False
        # Those that were taken from are passed over now; if none was, no other would be.
        return had_passed or (line.has_more_failing and bool(claim.claimed))

    async def _keep_line(self, line: Line) -> int:
        """Move the endpoints that the look saw: together now and then, at once if they hide others. Return how
        many were put off.
        """
        now_s = asyncio.get_running_loop().time()
        is_crowded = line.after is not None or line.has_more_failing or line.hides_failing
        is_due = now_s - self._put_off_at_s >= PUT_OFF_S
        if not (line.laters or line.turns) or not (is_crowded or is_due):
            return 0
        self._put_off_at_s = now_s

        async def work(tx: Transaction) -> int:
            moved = await put_off(tx, line.laters)
            await take_turns(tx, line.turns, now_us=self._clock.now_us())
            return moved

        try:
            return await self._database.autocommit(work)
        except StoreError:
            return 0

    async def _claim(self) -> Claim:
        choose, full_ids = self.slots.chooser(), self._full
        share = 2 * self.slots.free // max(1, self._endpoints_due)
        ids_max = max(OFFER_IDS_MIN, min(share, OFFER_IDS_MAX))
        # One more than there is room for shows that some wait.
        failing_max = max(0, self.slots.failing_room) + 1

        async def work(tx: Transaction) -> Claim:
            return await claim(
                tx,
                choose,
                now_us=self._clock.now_us(),
                lease_us=self._lease_us,
                ids_max=ids_max,
                full_ids=full_ids,
                failing_max=failing_max,
                after=self._after,
            )

        return await self._database.autocommit(work)

    def _wait_s(self, claim: Claim) -> float:
        wait_s = BEAT_S
        if claim.was_contended:
            wait_s = LATE_S if self.sharing.is_late else CONTENDED_S
        if claim.next_at_us is not None:
            due_s = (claim.next_at_us - self._clock.now_us()) / SECOND_US
            wait_s = min(wait_s, max(due_s, TIMER_S_MIN))
        return wait_s

    async def _deliver(self, claimed: Claimed) -> None:
        sent = None
        try:
            sent = await self._sender.send(claimed)
        except Exception:
            # The one broad except of this process: a delivery that breaks us must not stop the
            # others. Its lease ends, and after five such it is settled as lost.
            logger.exception("delivery.broke", extra={"delivery_id": claimed.id})
        if sent is None:
            self.slots.returned(claimed.target.id)
            self.slots.settled(1)
        else:
            attempt = sent.settlement.attempt
            self.slots.answered(
                claimed.target.id, error=attempt.error, duration_us=attempt.duration_us
            )
            self._settler.put(sent)
        if self._is_short or claimed.target.id in self._full:
            self._note_freed(1)

    def _note_settled(self, settled: Sequence[Settled]) -> None:
        self.slots.settled(len(settled))
        dues = {
            one.sent.settlement.next_attempt_at_us
            for one in settled
            if one.is_held and one.sent.settlement.next_attempt_at_us is not None
        }
        for due_us in dues:
            self._on_later(due_us)
        if dues:
            due_s = (min(dues) - self._clock.now_us()) / SECOND_US
            self._set_timer_by(max(due_s, TIMER_S_MIN))
        for one in settled:
            self._report(one)
        if self._is_short:
            self._note_freed(len(settled))

    def _note_freed(self, count: int) -> None:
        """Note slots that were waited for; claim once it is worth a transaction."""
        self._freed += count
        if self._freed >= max(1, self.slots.held // 4) or not self._sending:
            self._look_now()
        else:
            self._set_timer_by(GATHER_S)

    def _set_timer_by(self, wait_s: float) -> None:
        at_s = asyncio.get_running_loop().time() + wait_s
        if self._timer is None or at_s < self._timer.when():
            self._set_timer(wait_s)

    def _set_timer(self, wait_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wait_s is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._look_now()
