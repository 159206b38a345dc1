"""What an act wrote beside its result: entries of the audit log, and events."""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_AUDIT = (
    "SELECT action, environment, account_id, subject_id, actor_kind, actor, before, after, reason,"
    " outcome, is_security FROM audit_log WHERE rowid > ? ORDER BY rowid"
)
_EVENTS = "SELECT type, environment, account_id FROM events WHERE rowid > ? ORDER BY rowid"


@dataclass(slots=True)
class Written:
    """Reads a SQLite file for the rows that are new since it was asked last."""

    file: Path
    _audit_row: int = 0
    _event_row: int = 0

    def lines(self) -> list[str]:
        """A line for each new entry and event, ids and all."""
        connection = sqlite3.connect(self.file)
        try:
            entries = connection.execute(_AUDIT, (self._audit_row,)).fetchall()
            events = connection.execute(_EVENTS, (self._event_row,)).fetchall()
            self._audit_row = _last(connection, "audit_log")
            self._event_row = _last(connection, "events")
        finally:
            connection.close()
        return [*map(_entry, entries), *(f"event {' '.join(map(str, row))}" for row in events)]


def _last(connection: sqlite3.Connection, table: str) -> int:
    (row,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
    return int(row or 0)


def _entry(row: tuple[Any, ...]) -> str:
    action, environment, account, subject, kind, actor, before, after, reason, outcome, own = row
    facts = {
        "in": environment,
        "account": account,
        "subject": subject,
        "by": f"{kind} {actor}",
        "before": None if before is None else json.loads(before),
        "after": None if after is None else json.loads(after),
        "reason": reason,
        **({} if outcome == "done" else {"outcome": outcome}),
        "tenant_reads": bool(own),
    }
    shown = ", ".join(
        f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items()
    )
    return f"audit {action}: {shown}"
