"""Call suppliers about reversing top-ups until they say yes or no.

A dead worker's call is repeated; no response is neither yes nor no. A supplier that is paused, disabled or
gone is checked each minute, and an operator can decide (`topup manual-review reverse`).
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from billing.engine.engine import Engine
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    NotRevoked,
    Request,
    Revocation,
    Revoked,
    Unknown,
)
from billing.fulfilment.suppliers import ReadySupplier, Suppliers
from billing.topups import reverse
from billing.topups.platform import Source
from billing.topups.reverse import (
    AskedRevocation,
    AskRevocation,
    DueReversal,
    EndReversal,
    KeepReversing,
)
from billing.topups.rules import TopUpRules
from billing.topups.topup import TopUp
from kernel.clock import SECOND_US, Clock
from kernel.storable import storable
from store.database import Database, Transaction
from worker.fulfilment_runner import (
    AGAIN_US_MAX,
    AGAIN_US_MIN,
    DETAIL_CHARACTERS_MAX,
    FIRST_WAIT_US,
    NOBODY_WAIT_US,
    WAIT_US_MAX,
)
from worker.woken_loop import DueItem, DueLoop, Look

_log = logging.getLogger(__name__)


class Revoker(DueLoop):
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

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        due = await reverse.due_reversals(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            exclude_keys=look.exclude_keys,
        )
        return [DueItem(one.id, one.place, partial(self._take, one)) for one in due]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
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
        # From before the command, which begins the wait after which another worker may call.
        until_s = asyncio.get_running_loop().time() + ASK_S_MAX
        asked = await self._engine.submit(
            AskRevocation(
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
            outcome = await self._ask(supplier, asked, until_s)
            await self._settle(due, outcome, next_check_at)

    async def _ask(
        self, supplier: ReadySupplier, asked: AskedRevocation, until_s: float
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
                KeepReversing(
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
