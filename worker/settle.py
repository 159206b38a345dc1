"""Outcomes are written together: while one group commits, the next gathers.

Promise: an outcome that was handed in is written once the database answers, however long it was
away; one that the database refuses costs its neighbours nothing. Invariant: what waits here holds a
slot of the dispatcher each, so the buffer is bounded by the slots.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from kernel.clock import Clock
from keys.vault import Vault
from store.db import Database, Transaction
from store.errors import DataRefused, StoreError
from webhooks import delivery
from webhooks.disabling import disable_unwell, reasons_to_disable
from webhooks.endpoint import Endpoint
from worker.deliver import OnSettled, Sent, Settled

GROUP_MAX: Final = 500
# With many requests under way more outcomes are about to come, and a commit costs more than they.
LINGER_S: Final = 0.002
LINGER_FROM: Final = 16
RETRY_S_FIRST: Final = 0.1
RETRY_S_MAX: Final = 5.0

logger = logging.getLogger(__name__)


class Settler:
    """The one writer of outcomes in this process. `under_way` counts the requests still out."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        *,
        under_way: Callable[[], int],
        on_settled: OnSettled,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._under_way = under_way
        self._on_settled = on_settled
        self._waiting: list[Sent] = []
        self._has_work = asyncio.Event()
        self._is_closing = False
        self._retry_s = RETRY_S_FIRST

    def put(self, sent: Sent) -> None:
        """Hands in an outcome; returns at once."""
        self._waiting.append(sent)
        self._has_work.set()

    async def run(self) -> None:
        """Writes until close(), and then what is left."""
        while not self._is_closing or self._waiting:
            await self._has_work.wait()
            self._has_work.clear()
            if self._under_way() >= LINGER_FROM:
                await asyncio.sleep(LINGER_S)
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                await self._write(group)

    def close(self) -> None:
        """Lets run() end once everything handed in is written."""
        self._is_closing = True
        self._has_work.set()

    async def _write(self, group: Sequence[Sent]) -> None:
        async def work(tx: Transaction) -> frozenset[str]:
            return await delivery.settle(tx, [sent.settlement for sent in group])

        while True:
            try:
                held = await self._database.transaction(work, durable=False, is_short=True)
            except DataRefused as error:
                await self._write_apart(group, error)
                return
            except StoreError as error:
                # Also after an unknown commit: if it was kept, the claims no longer hold and the
                # second writing changes nothing.
                logger.warning("settle.waits", extra={"error": str(error), "outcomes": len(group)})
                await asyncio.sleep(self._retry_s)
                self._retry_s = min(self._retry_s * 2, RETRY_S_MAX)
                continue
            except Exception as error:
                # Our own mistake over one outcome must not cost the process, and the others.
                logger.exception("settle.broke", extra={"outcomes": len(group)})
                await self._write_apart(group, error)
                return
            break
        self._retry_s = RETRY_S_FIRST
        self._on_settled([Settled(sent, sent.claimed.id in held) for sent in group])
        if reasons := reasons_to_disable([sent.settlement for sent in group]):
            await self._disable(reasons)

    async def _write_apart(self, group: Sequence[Sent], error: Exception) -> None:
        """One by one; the one that is refused alone is given up, and its lease runs out."""
        if len(group) > 1:
            for sent in group:
                await self._write([sent])
            return
        logger.error(
            "settle.refused",
            extra={
                # The text of an error that is none of the store's may hold values.
                "error": str(error) if isinstance(error, StoreError) else type(error).__name__,
                "delivery_id": group[0].claimed.id,
            },
        )
        self._on_settled([Settled(group[0], is_held=False)])

    async def _disable(self, reasons: dict[str, str]) -> None:
        async def work(tx: Transaction) -> list[Endpoint]:
            return await disable_unwell(tx, self._vault, reasons, now_us=self._clock.now_us())

        try:
            disabled = await self._database.transaction(work)
        except StoreError as error:
            # The endpoint's next failure asks again.
            logger.warning("endpoint.not_disabled", extra={"error": str(error)})
            return
        except Exception:
            logger.exception("endpoint.not_disabled", extra={"endpoint_ids": sorted(reasons)})
            return
        for endpoint in disabled:
            logger.warning(
                "endpoint.disabled",
                extra={
                    "account_id": endpoint.account_id,
                    "environment": endpoint.environment,
                    "endpoint_id": endpoint.id,
                    "reason": endpoint.disabled_reason,
                },
            )
