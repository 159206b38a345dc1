"""Write outcomes together: while one group commits, the next one fills.

An outcome is written once the database responds, however long that takes. A refused one costs its neighbours
nothing; one whose endpoint's row is held waits apart, so that no other lease ends meanwhile. Each waiting
outcome holds a slot, which bounds the buffer.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from kernel.clock import Clock
from keys.vault import Vault
from store.database import Database, Transaction
from store.errors import DataRefused, LockTimeout, StoreError
from webhooks.deliveries import delivery
from webhooks.endpoints.disabling import disable_unwell, reasons_to_disable
from webhooks.endpoints.endpoint import Endpoint
from worker.deliver import OnSettled, Sent, Settled

GROUP_MAX: Final = 500
# With many requests under way more outcomes are about to come, and a commit costs more than they do.
LINGER_S: Final = 0.002
LINGER_FROM: Final = 16
RETRY_S_FIRST: Final = 0.1
RETRY_S_MAX: Final = 5.0
# How long one try waits for held rows; when waiting outcomes retry, and how many at once, so that most
# connections are left to the others.
LOCK_WAIT_S: Final = 0.1
APART_RETRY_S: Final = 0.5
APART_MAX: Final = 2

logger = logging.getLogger(__name__)


class Settler:
    """`under_way` counts the requests still out."""

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
        # By endpoint: what comes while its row is held, and what writes it.
        self._apart: dict[str, list[Sent]] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._apart_room = asyncio.Semaphore(APART_MAX)

    def put(self, sent: Sent) -> None:
        self._waiting.append(sent)
        self._has_work.set()

    async def run(self) -> None:
        while not self._is_closing or self._waiting:
            await self._has_work.wait()
            self._has_work.clear()
            if self._under_way() >= LINGER_FROM:
                await asyncio.sleep(LINGER_S)
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                await self._write([sent for sent in group if not self._joins(sent)])
        while self._beside:
            await asyncio.wait(self._beside)

    def close(self) -> None:
        """Let run() end once everything is written."""
        self._is_closing = True
        self._has_work.set()

    def _joins(self, sent: Sent) -> bool:
        """Queue it behind what waits for the same endpoint's row; return False if nothing does."""
        waiting = self._apart.get(sent.claimed.target.id)
        if waiting is None:
            return False
        waiting.append(sent)
        return True

    async def _write(self, group: Sequence[Sent]) -> None:
        if group and all(delivery.may_settle_delivered(sent.settlement) for sent in group):
            group = await self._write_delivered(group)
        await self._write_in_transaction(group)

    async def _write_delivered(self, group: Sequence[Sent]) -> Sequence[Sent]:
        """Write in one statement what waits for nothing; return what is left."""

        async def work(tx: Transaction) -> frozenset[str]:
            return await delivery.settle_delivered(tx, [sent.settlement for sent in group])

        try:
            held = await self._database.autocommit(work)
        except StoreError:
            # The next transaction finds out what is wrong, and which claims no longer hold.
            return group
        except Exception:
            logger.exception("settle.broke", extra={"outcomes": len(group)})
            return group
        written = [sent for sent in group if sent.claimed.id in held]
        self._note_written(written, held)
        return [sent for sent in group if sent.claimed.id not in held]

    async def _write_in_transaction(self, group: Sequence[Sent]) -> None:
        while group:
            try:
                await self._keep(group)
            except LockTimeout as error:
                self._wait_apart(group, error)
            except DataRefused as error:
                await self._write_singly(group, error)
            except StoreError as error:
                # Also after an unknown commit: if it was stored, the claims no longer hold and writing again
                # changes nothing.
                logger.warning("settle.waits", extra={"error": str(error), "outcomes": len(group)})
                await asyncio.sleep(self._retry_s)
                self._retry_s = min(self._retry_s * 2, RETRY_S_MAX)
                continue
            except Exception as error:
                # Our own mistake with one outcome must not cost the process and the others.
                logger.exception("settle.broke", extra={"outcomes": len(group)})
                await self._write_singly(group, error)
            self._retry_s = RETRY_S_FIRST
            return

    async def _keep(self, group: Sequence[Sent]) -> None:
        async def work(tx: Transaction) -> frozenset[str]:
            return await delivery.settle(tx, [sent.settlement for sent in group])

        held = await self._database.transaction(
            work, durable=False, is_short=True, lock_wait_s=LOCK_WAIT_S
        )
        self._note_written(group, held)

    def _note_written(self, group: Sequence[Sent], held: frozenset[str]) -> None:
        self._on_settled([Settled(sent, sent.claimed.id in held) for sent in group])
        if reasons := reasons_to_disable([sent.settlement for sent in group]):
            # Beside the outcomes, because it locks the account, which another transaction may hold.
            self._begin(self._disable(reasons))

    def _wait_apart(self, group: Sequence[Sent], error: LockTimeout) -> None:
        """Let each endpoint's outcomes wait apart, because nothing says whose row is held."""
        logger.warning("settle.held_up", extra={"error": str(error), "outcomes": len(group)})
        for sent in group:
            endpoint_id = sent.claimed.target.id
            if not self._joins(sent):
                self._apart[endpoint_id] = [sent]
                self._begin(self._write_of(endpoint_id))

    async def _write_of(self, endpoint_id: str) -> None:
        while group := self._apart[endpoint_id]:
            self._apart[endpoint_id] = []
            try:
                async with self._apart_room:
                    await self._keep(group)
            except DataRefused as error:
                await self._write_singly(group, error)
            except StoreError as error:
                logger.warning(
                    "settle.waits_apart",
                    extra={"error": str(error), "endpoint_id": endpoint_id, "outcomes": len(group)},
                )
                self._apart[endpoint_id] = [*group, *self._apart[endpoint_id]]
                await asyncio.sleep(APART_RETRY_S)
            except Exception as error:
                logger.exception("settle.broke", extra={"outcomes": len(group)})
                await self._write_singly(group, error)
        del self._apart[endpoint_id]

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _write_singly(self, group: Sequence[Sent], error: Exception) -> None:
        """Write one by one; give up the one that is refused alone: its lease ends."""
        if len(group) > 1:
            for sent in group:
                await self._write([sent])
            return
        logger.error(
            "settle.refused",
            extra={
                # The text of an error that isn't the store's may hold values.
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
            # The endpoint's next failure tries again.
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
