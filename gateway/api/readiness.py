"""Decide whether this gateway should get requests. It is ready if the database responds and batches commit.

It stays ready even if a single account has problems or workers are overdue.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, Generic, TypeVar

from billing.checkpoints.sealing import standings
from billing.engine.engine import Engine
from billing.ledger.proof import last_proof
from billing.machine_payments.payment import count_stuck
from billing.manual_review import waiting
from billing.payments.unanswered import UnansweredKind, count_unanswered
from billing.recipients.mailing import next_due_at
from billing.reconciliation.runs import read_standing
from billing.records.sealing import record_standing
from kernel.clock import SECOND_US, Clock
from runtime.context import READINESS_CONNECTIONS
from store.batch import WAITING_AGE_MAX_S
from store.database import Store, Transaction
from store.errors import StoreError
from store.kept.backups import last_finished
from webhooks.deliveries.backlog import Backlog, count_due, measure

T = TypeVar("T")
DATABASE_TIMEOUT_S: Final = 2.0
BACKLOG_AGE_S_MAX: Final = 1.0
DUE_AGE_S_MAX: Final = 5.0
PROOF_AGE_S_MAX: Final = 15.0
# No probe is needed this soon after a commit. Probes are at least PROBE_PAUSE_S apart.
KEPT_AGE_S_MAX: Final = 5.0
PROBE_PAUSE_S: Final = 1.0
# A probe writes several pages, so that a full disk refuses it. After a refused batch it writes more, because a
# half-filled page could still take a small row.
FILLER_BYTES: Final = 32 * 1024
FILLER_BYTES_AFTER_FAILURE: Final = 1024 * 1024


class WriteWatch:
    def __init__(self, database: Store, engine: Engine, clock: Clock) -> None:
        self._database = database
        self._engine = engine
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last_commit_at_s = self._failed_s = self._tried_s = float("-inf")

    async def is_kept(self) -> bool:
        """Return whether writes are stored. If there was no recent commit, make a small probe commit, at
        most every PROBE_PAUSE_S seconds.
        """
        async with self._lock:
            if not self._is_known(KEPT_AGE_S_MAX) and (
                time.monotonic() - self._tried_s >= PROBE_PAUSE_S
            ):
                await self._probe()
            return self._is_known(float("inf"))

    def _is_known(self, age_s_max: float) -> bool:
        last_commit_at_s = max(self._engine.last_commit_at_s, self._last_commit_at_s)
        failed_s = max(self._engine.failed_s, self._failed_s)
        return last_commit_at_s > failed_s and time.monotonic() - last_commit_at_s < age_s_max

    async def _probe(self) -> None:
        self._tried_s = began_s = time.monotonic()
        has_failed = max(self._engine.failed_s, self._failed_s) > max(
            self._engine.last_commit_at_s, self._last_commit_at_s
        )
        size = FILLER_BYTES_AFTER_FAILURE if has_failed else FILLER_BYTES
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT_S):
                await self._database.probe(os.urandom(size), now_us=self._clock.now_us())
        except (StoreError, TimeoutError):
            self._failed_s = time.monotonic()
        else:
            # Record the probe's start, not its end. A batch that fails during the probe then counts as a later failure.
            self._last_commit_at_s = began_s


class Watch(Generic[T]):
    """Caches a value from the database for all callers, for at most age_s_max seconds."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, age_s_max: float) -> None:
        self._ask = ask
        self._age_s_max = age_s_max
        self._lock = asyncio.Lock()
        self._seen: T | None = None
        self._seen_s = float("-inf")
        self.answered_at_s: float | None = None

    async def see(self) -> T | None:
        async with self._lock:
            if time.monotonic() - self._seen_s >= self._age_s_max:
                self._seen = await self._check()
                self._seen_s = time.monotonic()
            return self._seen

    async def _check(self) -> T | None:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT_S):
                seen = await self._ask()
        except (StoreError, TimeoutError):
            return None
        self.answered_at_s = time.time()
        return seen


class Readiness:
    def __init__(
        self, database: Store, engine: Engine, clock: Clock, *, attempt_us_max: int
    ) -> None:
        self._database = database.reserve(READINESS_CONNECTIONS)
        self._engine = engine
        self._writes = WriteWatch(self._database, engine, clock)
        self._clock = clock
        self._attempt_us_max = attempt_us_max
        self.backlog = self._watch(self._read_backlog, age_s_max=BACKLOG_AGE_S_MAX)
        # Values for metrics. Times are in microseconds.
        self.due = self._watch(self._count_due, age_s_max=DUE_AGE_S_MAX)
        self.mail = self._watch(self._read_mail, age_s_max=DUE_AGE_S_MAX)
        self.desk = self._watch(self._read_desk, age_s_max=DUE_AGE_S_MAX)
        self.supplier_waits = self._watch(self._read_supplier_waits, age_s_max=DUE_AGE_S_MAX)
        self.unanswered = self._watch(self._count_unanswered, age_s_max=PROOF_AGE_S_MAX)
        self.stuck = self._watch(count_stuck, age_s_max=PROOF_AGE_S_MAX)
        self.reconciled = self._watch(read_standing, age_s_max=PROOF_AGE_S_MAX)
        self.proof = self._watch(last_proof, age_s_max=PROOF_AGE_S_MAX)
        self.copied = self._watch(last_finished, age_s_max=PROOF_AGE_S_MAX)
        self.sealed = self._watch(standings, age_s_max=PROOF_AGE_S_MAX)
        self.records = self._watch(record_standing, age_s_max=PROOF_AGE_S_MAX)
        self.room = Watch(self._database.room, age_s_max=PROOF_AGE_S_MAX)

    def _watch(
        self, read: Callable[[Transaction], Awaitable[T]], *, age_s_max: float
    ) -> "Watch[T]":
        return Watch(partial(self._database.read, read), age_s_max=age_s_max)

    async def checks(self) -> dict[str, str]:
        is_moving = self._engine.waiting_s < WAITING_AGE_MAX_S
        is_kept = await self._writes.is_kept()
        does_answer = is_kept or await self._answers()
        # A fault means that a server responds, but is the wrong one or lacks acknowledged data.
        fault = self._database.servers.fault
        return {
            "database": "ok" if does_answer else "away" if fault is None else fault.value,
            "batches": "ok" if is_moving else "stuck",
            "writes": "ok" if is_kept else "refused",
        }

    async def deliveries(self) -> dict[str, str | float]:
        """Return whether workers are claiming deliveries, and by how many seconds deliveries are overdue."""
        backlog = await self.backlog.see()
        if backlog is None:
            return {"state": "unknown"}
        return {
            "state": "overlooked" if backlog.overlooked_us else "ok",
            "oldest_due_s": backlog.oldest_due_us / SECOND_US,
            "overlooked_s": backlog.overlooked_us / SECOND_US,
        }

    async def _read_backlog(self, tx: Transaction) -> Backlog:
        return await measure(tx, now_us=self._clock.now_us(), attempt_us_max=self._attempt_us_max)

    async def _count_due(self, tx: Transaction) -> int:
        return await count_due(tx, now_us=self._clock.now_us())

    async def _read_mail(self, tx: Transaction) -> int:
        due_at = await next_due_at(tx)
        return 0 if due_at is None else max(0, self._clock.now_us() - due_at)

    async def _read_desk(self, tx: Transaction) -> Mapping[tuple[str, str], int]:
        return await waiting.gauges(tx, now_us=self._clock.now_us())

    async def _read_supplier_waits(self, tx: Transaction) -> Mapping[str, int]:
        return await waiting.longest_waits(tx, now_us=self._clock.now_us())

    async def _count_unanswered(self, tx: Transaction) -> Mapping[tuple[str, UnansweredKind], int]:
        return await count_unanswered(tx, now_us=self._clock.now_us())

    async def _answers(self) -> bool:
        async def work(tx: Transaction) -> None:
            await tx.fetch_one("SELECT 1")

        try:
            async with asyncio.timeout(DATABASE_TIMEOUT_S):
                await self._database.read(work)
        except (StoreError, TimeoutError):
            return False
        return True
