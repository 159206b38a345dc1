"""Run SQLite's checkpoints outside of commits.

By default SQLite moves the log into the database inside a commit, which then takes 10 to 30 ms. Here a thread
moves most of it beside the writers, then the little that is new in the writers' turn. So the log starts over
instead of growing under load.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from store.errors import StoreError

# Whichever comes first: 30 MB of log by lone commits, 60 by full batches.
COMMITS_BETWEEN = 500
ROWS_BETWEEN = 40_000
# Each round copies what was written during the one before.
ROUNDS_BESIDE = 2

_log = logging.getLogger(__name__)


class Checkpointer:
    """Counts the commits of one process, and owns the thread and its connection."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        turn: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._turn = turn
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-checkpoint")
        self._commits = 0
        self._rows = 0

    def note(self, rows: int) -> None:
        """Count a commit that changed so many rows; start a checkpoint when it is time."""
        self._commits += 1
        self._rows += rows
        if self._commits >= COMMITS_BETWEEN or self._rows >= ROWS_BETWEEN:
            self._commits = self._rows = 0
            with contextlib.suppress(RuntimeError):  # closing
                self._thread.submit(self._run)

    def close(self) -> None:
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        try:
            for _ in range(ROUNDS_BESIDE):
                self._copy()
            with self._turn():
                self._copy()
        except (sqlite3.Error, StoreError) as error:
            # The next one, or SQLite's own inside a commit, makes up for it.
            _log.warning("checkpoint.failed", extra={"error": type(error).__name__})

    def _copy(self) -> None:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
