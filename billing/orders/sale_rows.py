"""What orders' and subscriptions' working sets share: reversals, and notifications' outcomes."""

from billing.engine.batch_state import WorkingSet
from billing.orders.refund import Reversals
from billing.orders.refund_row import Refunds
from billing.providers import event_log
from billing.providers.event_log import LogEntry, NotificationOutcome, NotificationRef
from billing.providers.problem import Problem
from store.database import Transaction


class SaleWorkingSet(WorkingSet):
    """`changed` counts a change of the rows."""

    def __init__(self) -> None:
        self.reversals = Reversals()
        self.refunds = Refunds()
        self._entries: list[LogEntry] = []
        self._changes = 0

    @property
    def changes(self) -> int:  # type: ignore[override]
        return self._changes + self.reversals.changes + self.refunds.changes

    def changed(self) -> None:
        self._changes += 1

    def note(
        self,
        notification: NotificationRef | None,
        owner: tuple[str, str],
        outcome: NotificationOutcome,
        detail: str,
        now_us: int,
        problem: Problem | None = None,
    ) -> None:
        """Record the notification's outcome, if there was one. owner: an account and its order."""
        if notification is not None:
            self.changed()
            self._entries.append(
                LogEntry(notification, outcome, now_us, *owner, detail, problem=problem)
            )

    async def write_log(self, tx: Transaction) -> None:
        await event_log.record(tx, self._entries)
