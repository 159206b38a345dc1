"""Record requests without delaying them. Records wait in a bounded queue and are written in batches. Records are
dropped and counted if the queue is full or the database refuses them. Each process limits how many requests of one
account it records in an hour.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace
from prometheus_client import Counter

from kernel.clock import HOUR_US
from kernel.storable import storable
from runtime.request_log.redact import BODY_BYTES_MAX, body_text, mask_text, query_text
from runtime.request_log.rows import LoggedRequest, insert
from store.database import Database, Transaction

LINE_MAX: Final = 1_000
BATCH_ROWS: Final = 100
# The maximum number of requests that each process records for one account in an hour.
PER_HOUR_MAX: Final = 240
GATHER_S: Final = 0.5
_TEXT_MAX: Final = 500
_Noted = tuple[LoggedRequest, bytes, bytes]
_log = logging.getLogger(__name__)


class RequestLog:
    def __init__(self, database: Database, dropped: Counter, *, is_on: bool) -> None:
        self.is_on = is_on
        self._database = database
        self._dropped = dropped
        self._line: deque[_Noted] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_awaited = asyncio.Event()
        self._hour = 0
        self._of_account: dict[str, int] = {}

    def note(self, row: LoggedRequest, request_body: bytes, response_body: bytes) -> None:
        """Queue a request for recording. Its texts are masked before they are written."""
        if not self._has_room(row):
            return
        cut = BODY_BYTES_MAX + 1
        self._line.append((row, request_body[:cut], response_body[:cut]))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_all())

    async def flush(self) -> None:
        if self._task is not None:
            self._is_awaited.set()
            await self._task
            self._is_awaited.clear()

    def _has_room(self, row: LoggedRequest) -> bool:
        hour = row.created_at // HOUR_US
        if hour != self._hour:
            self._hour, self._of_account = hour, {}
        number = self._of_account.get(row.account_id, 0) + 1
        self._of_account[row.account_id] = number
        if number > PER_HOUR_MAX:
            self._dropped.labels("account").inc()
            return False
        if len(self._line) >= LINE_MAX:
            self._dropped.labels("full").inc()
            return False
        return True

    async def _write_all(self) -> None:
        while self._line:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._is_awaited.wait()
            number = min(BATCH_ROWS, len(self._line))
            await self._write([self._line.popleft() for _ in range(number)])

    async def _write(self, taken: Sequence[_Noted]) -> None:
        try:
            rows = await asyncio.to_thread(_redacted_all, taken)
            await self._database.transaction(partial(_insert, rows=rows), durable=False)
        except Exception as error:
            self._dropped.labels("failed").inc(len(taken))
            fields = {"requests": len(taken), "error": type(error).__name__}
            _log.warning("request_log.lost", extra={"fields": fields})


async def _insert(tx: Transaction, rows: Sequence[LoggedRequest]) -> None:
    await insert(tx, rows)


def _redacted_all(taken: Sequence[_Noted]) -> Sequence[LoggedRequest]:
    return [_redacted(*one) for one in taken]


def _redacted(row: LoggedRequest, request_body: bytes, response_body: bytes) -> LoggedRequest:
    kind = (row.content_type or "").lower()
    path, _, query = row.path.partition("?")
    shown = _text(path) or ""
    return replace(
        row,
        path=f"{shown}?{query_text(query)[:_TEXT_MAX]}" if query else shown,
        user_agent=_text(row.user_agent),
        idempotency_key=_text(row.idempotency_key),
        content_type=_text(row.content_type),
        request_body=body_text(request_body, kind),
        response_body=body_text(response_body, "application/json", is_answer=True),
    )


def _text(text: str | None) -> str | None:
    return None if text is None else storable(mask_text(text), characters_max=_TEXT_MAX)
