"""What a person of the operator's does with top-ups that wait: take, hand over, refuse.

Promise: each act is audited in the transaction in which it takes effect; nothing is decided while the
supplier may still do it. Pages and `topup topups` meet here.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from billing.engine.engine import Engine
from billing.fulfilment import tasks
from billing.fulfilment.suppliers import Suppliers
from billing.fulfilment.tasks import Task
from billing.topups import attempt as attempts, reversal_row, topup as topups
from billing.topups.attempt import Attempt
from billing.topups.deliverable import Deliverable, DeliverableRefused, checked
from billing.topups.fulfilment import Settle
from billing.topups.reverse import EndReversal, Reverse, ReversedOutcome
from billing.topups.settlement import EndedTopUp
from billing.topups.topup import TopUp
from kernel.clock import Clock, rfc3339
from kernel.errors import InvalidInput, NotFound
from keys import audit_log
from keys.audit_log import Actor
from store.database import Database, Transaction

MANUAL = "manual"


class WaitingTopUp(NamedTuple):
    """A pending top-up that was handed over, with its attempts and its task, if it has one."""

    topup: TopUp
    attempts: Sequence[Attempt]
    task: Task | None

    @property
    def state(self) -> str:
        """What it waits for: a person, since nobody can find out; a task; its supplier; or, reversing,
        its supplier's word that it is taken back.
        """
        if self.topup.status == "reversing":
            return "reversing"
        if self.topup.needs_person:
            return "needs_person"
        return "task" if self.task is not None else "supplier"

    def shape(self) -> dict[str, object]:
        """As the command line and pages show it."""
        last = self.attempts[-1] if self.attempts else None
        return {
            "transaction_id": self.topup.id,
            "account_id": self.topup.account_id,
            "environment": self.topup.environment,
            "platform": self.topup.platform,
            "amount_cents": self.topup.amount_cents,
            "recipient_email": self.topup.recipient_email,
            "created_at": rfc3339(self.topup.created_at),
            "supplier": self.topup.supplier,
            "state": self.state,
            "outcome": None if last is None else last.outcome,
            "detail": None if last is None else last.detail,
            "asks": sum(one.asks for one in self.attempts),
            "due_at": None if self.task is None else rfc3339(self.task.due_at),
            "taken_by": None if self.task is None else self.task.taken_by,
        }


async def waiting(
    tx: Transaction, environment: str, *, supplier: str | None = None, limit: int
) -> Sequence[WaitingTopUp]:
    """Pending top-ups that are with a supplier, the oldest first; before them those that are reversing."""
    ids = await reversal_row.open_ids(tx, environment, limit=limit)
    reversing = await topups.load(tx, ids) if ids else {}
    asked = [one for one in reversing.values() if supplier in {None, one.supplier}]
    found = await topups.with_suppliers(tx, environment, supplier=supplier, limit=limit)
    return await _with_stories(tx, [*asked, *found][:limit])


async def get_waiting(tx: Transaction, topup_id: str) -> WaitingTopUp:
    """One top-up, pending or ended; raises NotFound."""
    found = (await topups.load(tx, [topup_id])).get(topup_id)
    if found is None:
        raise NotFound("Transaction", param="transaction_id")
    return (await _with_stories(tx, [found]))[0]


async def take(tx: Transaction, topup_id: str, *, by: Actor, who: str, now_us: int) -> Task:
    """The task is this person's from now on; raises NotFound and TaskTaken."""
    task = await tasks.take_task(tx, topup_id, by=who, now_us=now_us)
    entry = audit_log.entry(
        by,
        "topup.take",
        environment=task.environment,
        subject_id=topup_id,
        before=None,
        after={"taken_by": who},
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])
    return task


class Desk:
    """Ends waiting top-ups by a person's word."""

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, suppliers: Suppliers
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._suppliers = suppliers

    async def settle(
        self,
        topup_id: str,
        given: Deliverable,
        *,
        by: Actor,
        who: str,
        is_checked: bool = False,
    ) -> EndedTopUp:
        """Delivered, with this; raises InvalidInput, NotFound, TaskTaken, StillOpen, AwaitsApproval
        and AlreadyEnded or AlreadyDelivered.
        """
        try:
            kept = checked(given)
        except DeliverableRefused as error:
            raise InvalidInput(str(error), param="value") from None
        topup = await self._decided(topup_id, who, given=kept, reason=None)
        return await self._engine.submit(
            Settle(
                topup.id,
                topup.tenant,
                "delivered",
                given=kept,
                actor=by,
                is_checked=is_checked,
            )
        )

    async def fail(
        self, topup_id: str, reason: str, *, by: Actor, who: str, is_checked: bool = False
    ) -> EndedTopUp:
        """Failed and given back; the reason is shown to the sender. Raises as `settle`.

        A task that is refused is its supplier's no: the platform's next supplier is asked.
        """
        topup = await self._decided(topup_id, who, given=None, reason=reason)
        supplier = self._suppliers.find(topup.environment, topup.supplier)
        is_task = supplier is not None and supplier.kind == MANUAL
        return await self._engine.submit(
            Settle(
                topup.id,
                topup.tenant,
                "failed",
                reason=reason,
                by=topup.supplier if is_task else None,
                actor=by,
                is_checked=is_checked,
            )
        )

    async def reverse(
        self, topup_id: str, reason: str, *, by: Actor, is_revoked: bool | None = None
    ) -> ReversedOutcome:
        """Takes a delivered top-up back, as POST /topup/{id}/reverse does; audited.

        is_revoked: a person asked its supplier, and what was handed over is worth nothing any more, or
        (False) stays what it is. Raises NotFound, AlreadyUsed, AlreadyEnded and StillOpen.
        """
        found = await self._database.read(partial(get_waiting, topup_id=topup_id))
        topup = found.topup
        if is_revoked is not None:
            return await self._engine.submit(
                EndReversal(topup.id, topup.tenant, is_revoked=is_revoked, reason=reason, actor=by)
            )
        supplier = self._suppliers.find(topup.environment, topup.supplier)
        can_revoke = supplier is not None and supplier.can_revoke
        return await self._engine.submit(
            Reverse(topup.id, topup.tenant, reason=reason, can_revoke=can_revoke, actor=by)
        )

    async def _decided(
        self, topup_id: str, who: str, *, given: Deliverable | None, reason: str | None
    ) -> TopUp:
        """The top-up; where it is a task, the decision is its supplier's word from now on, so that it
        stands even if this process ends before it settled.
        """
        now_us, vault = self._clock.now_us(), self._suppliers.vault

        async def work(tx: Transaction) -> TopUp:
            found = await get_waiting(tx, topup_id)
            topup, task = found.topup, found.task
            if topup.status == "pending" and task is not None and topup.supplier == task.supplier:
                await tasks.decide_task(
                    tx,
                    topup_id,
                    by=who,
                    vault=vault,
                    given=given,
                    reason=reason,
                    now_us=now_us,
                )
            return topup

        return await self._database.transaction(work)


async def _with_stories(tx: Transaction, found: Sequence[TopUp]) -> Sequence[WaitingTopUp]:
    ids = [one.id for one in found]
    told: dict[str, list[Attempt]] = {}
    for attempt in await attempts.load(tx, ids):
        told.setdefault(attempt.transaction_id, []).append(attempt)
    known = await tasks.load_tasks(tx, ids)
    return [WaitingTopUp(one, told.get(one.id, []), known.get(one.id)) for one in found]
