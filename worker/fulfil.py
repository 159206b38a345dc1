"""Pending top-ups are asked about until they end: by their fulfilment, or by the sandbox's script.

Promises: a top-up is handed over (it can no longer be cancelled) before its fulfilment is asked; of
several workers one asks at a time; no word is never a no: it is asked again with the same
transaction_id, later and later; one that nobody answers for a day is told to the operator.
No transaction is open while a fulfilment is asked.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from billing import topup as topups
from billing.fulfilment.protocol import (
    Delivered,
    Fulfilment,
    Outcome,
    Refused,
    Request,
    Unknown,
)
from billing.send import BY_SANDBOX
from billing.settle import Ended, HandOver, Settle
from billing.till import Till
from billing.topup import TopUp
from kernel.clock import DAY_US, SECOND_US, Clock
from kernel.errors import DomainError
from store.db import Database, Transaction
from store.errors import StoreError
from store.idempotency import Answer

DUE_TOPUPS_MAX = 64
ASKED_AT_ONCE_MAX = 16
BEAT_S = 30.0
# Longer than any fulfilment's own deadline: an ask that died with its worker is repeated then.
FIRST_WAIT_US = 75 * SECOND_US
WAIT_US_MAX = 600 * SECOND_US
OVERDUE_US = DAY_US

_log = logging.getLogger(__name__)


class Fulfiller:
    """The worker's loop over pending top-ups; woken, or timed to the next one."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        till: Till,
        fulfilments: Mapping[str, Fulfilment],  # by platform id
    ) -> None:
        self._database = database
        self._clock = clock
        self._till = till
        self._fulfilments = fulfilments
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            try:
                found = await self.step()
                wait_s = 0.0 if found == DUE_TOPUPS_MAX else await self._wait_s()
            except (StoreError, DomainError) as error:
                _log.warning("fulfilment.delayed", extra={"fields": {"error": str(error)}})
                wait_s = 1.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def step(self) -> int:
        """Handles what is due now; returns how many top-ups there were."""
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> list[TopUp]:
            return await topups.due(tx, now_us=now_us, limit=DUE_TOPUPS_MAX)

        due = await self._database.read(look)
        gate = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

        async def one(topup: TopUp) -> None:
            async with gate:
                await self._handle(topup)

        await asyncio.gather(*(one(topup) for topup in due))
        return len(due)

    async def _wait_s(self) -> float:
        next_due_at = await self._database.read(topups.next_due_at)
        if next_due_at is None:
            return BEAT_S
        return min(BEAT_S, max(0.0, (next_due_at - self._clock.now_us()) / SECOND_US))

    async def _handle(self, topup: TopUp) -> None:
        try:
            if topup.fulfilment == BY_SANDBOX:
                await self._settle(topup, Delivered())
                return
            handed = await self._hand_over(topup)
            if handed is not None:
                await self._settle(handed, await self._ask(handed))
        except DomainError as refusal:
            # It ended meanwhile, by a cancel or by the service's own word.
            fields = {"transaction_id": topup.id, "reason": refusal.detail}
            _log.info("fulfilment.superseded", extra={"fields": fields})

    async def _hand_over(self, topup: TopUp) -> TopUp | None:
        """The top-up as handed over, or None where another worker has it."""
        kept = _Kept()
        wait_us = min(WAIT_US_MAX, FIRST_WAIT_US * 2 ** min(topup.checks_made, 4))
        command = HandOver(
            topup_id=topup.id,
            scope=topup.scope,
            request_key=None,
            answer=kept,
            seen_checks_made=topup.checks_made,
            next_check_at=self._clock.now_us() + wait_us,
        )
        await self._till.submit(command)
        return kept.ended.topup if kept.ended is not None and kept.ended.is_mine else None

    async def _ask(self, topup: TopUp) -> Outcome:
        fulfilment = self._fulfilments.get(topup.platform)
        if fulfilment is None:
            return Unknown("the platform is no longer configured")
        return await fulfilment.fulfil(
            Request(
                transaction_id=topup.id,
                environment=topup.environment,
                platform=topup.platform,
                amount_cents=topup.amount_cents,
                recipient_email=topup.recipient_email,
                voucher_code=self._till.rules.codes.code_of(topup.id),
                attempt=topup.checks_made,
            )
        )

    async def _settle(self, topup: TopUp, outcome: Outcome) -> None:
        _log_ask(topup, outcome, self._clock.now_us())
        if isinstance(outcome, Delivered):
            await self._till.submit(
                Settle(
                    topup_id=topup.id,
                    scope=topup.scope,
                    request_key=None,
                    answer=_no_answer,
                    outcome="delivered",
                    fulfilment_code=outcome.code,
                )
            )
        elif isinstance(outcome, Refused):
            await self._till.submit(
                Settle(
                    topup_id=topup.id,
                    scope=topup.scope,
                    request_key=None,
                    answer=_no_answer,
                    outcome="failed",
                    reason=outcome.reason,
                )
            )


class _Kept:
    """Keeps a command's result; of a batch that was tried twice, the last try's."""

    def __init__(self) -> None:
        self.ended: Ended | None = None

    def __call__(self, ended: Ended) -> Answer:
        self.ended = ended
        return Answer(200, b"")


def _no_answer(_ended: Ended) -> Answer:
    return Answer(200, b"")


def _log_ask(topup: TopUp, outcome: Outcome, now_us: int) -> None:
    is_overdue = isinstance(outcome, Unknown) and now_us - topup.created_at > OVERDUE_US
    write: Callable[..., None] = _log.error if is_overdue else _log.info
    fields = {
        "transaction_id": topup.id,
        "platform": topup.platform,
        "attempt": topup.checks_made,
        "outcome": type(outcome).__name__.lower(),
        "detail": outcome.detail if isinstance(outcome, Unknown) else None,
    }
    write("fulfilment.overdue" if is_overdue else "fulfilment.asked", extra={"fields": fields})
