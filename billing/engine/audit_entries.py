"""The audit entries of one engine transaction, written with the acts they describe."""

from billing.engine.read_set import ReadSet, WorkingSet
from keys import audit_log
from keys.audit_log import AuditEntry
from store.database import Transaction


class AuditEntries(WorkingSet):
    rank = 0

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None: ...

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        await audit_log.record(tx, self._entries)

    def add(self, entry: AuditEntry) -> None:
        self.changes += 1
        self._entries.append(entry)
