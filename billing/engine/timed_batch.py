"""A batch that times its parts, for tracing alone (runtime/traces/tracing.py)."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from store.batch_parts import Prepared
from store.database import Lock, Transaction


class BatchTimes(NamedTuple):
    """began_ns: since the epoch. waited_s: for a connection and rows. commit_s: the last writes and the
    commit.
    """

    size: int
    began_ns: int
    waited_s: float
    statements_s: float
    commit_s: float


_log = logging.getLogger(__name__)
# Called after the commit with the requests whose commands were in the batch.
OnTimed = Callable[[Sequence[str | None], BatchTimes], None]


class TimedBatch:
    def __init__(
        self, batch: Prepared[Any], lines: Sequence[str | None], on_timed: OnTimed
    ) -> None:
        self._batch = batch
        self._lines = lines
        self._on_timed = on_timed
        self._began_ns = time.time_ns()
        self._made_s = self._run_s = self._decided_s = time.monotonic()

    @property
    def lock(self) -> Lock | None:
        return self._batch.lock

    def meanwhile(self) -> None:
        self._batch.meanwhile()

    async def run(self, tx: Transaction) -> Sequence[Any]:
        self._run_s = time.monotonic()
        results = await self._batch.run(tx)
        self._decided_s = time.monotonic()
        return results

    def kept(self) -> None:
        times = BatchTimes(
            size=len(self._lines),
            began_ns=self._began_ns,
            waited_s=self._run_s - self._made_s,
            statements_s=self._decided_s - self._run_s,
            commit_s=time.monotonic() - self._decided_s,
        )
        try:
            self._on_timed(self._lines, times)
        except Exception:
            # The commit happened: a caller that took this for a failure would run the batch again.
            _log.exception("batch not told")
