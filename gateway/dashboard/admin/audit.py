"""Show the audit log: who changed what, and the earlier values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from gateway.dashboard.admin.fields import admin_route, day_us
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import Form, read_query
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import DAY_US
from kernel.fields import Fields
from keys import audit_log
from keys.audit_log import AuditEntry
from store.database import Transaction

_ABSENT: Final = object()
_WORDS: Final = ("account_id", "action", "by", "subject_id")


@dataclass(frozen=True, slots=True)
class AuditLine:
    entry: AuditEntry
    changes: Sequence[tuple[str, str, str]]

    @property
    def in_words(self) -> str:
        return "; ".join(f"{name}: {old} → {new}" for name, old, new in self.changes)


_SHEET: Final = Sheet[AuditLine](
    "audit-log",
    (
        *("entry.id", "entry.created_at", "entry.action", "entry.outcome", "entry.environment"),
        *("entry.account_id", "entry.subject_id", "entry.actor_kind", "entry.actor"),
        *("entry.actor_account_id", "entry.address", "entry.user_agent", "in_words"),
        "entry.reason",
    ),
    cursor=attrgetter("entry.id"),
    filters=(*_WORDS, "created_after", "created_before"),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)
    wanted = {name: asked.text(name) or None for name in _WORDS}

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[AuditLine]:
        found = await audit_log.page(
            tx,
            environment,
            **wanted,
            created_after=day_us(asked, "created_after"),
            created_before=_end_us(asked),
            before_id=cursor_id(cursor, "adt"),
            limit=limit,
        )
        return [AuditLine(one, _changes(one.before or {}, one.after or {})) for one in found]

    return await list_page(call, "admin/audit.html", _SHEET, read)


def _end_us(asked: Form) -> int | None:
    begun = day_us(asked, "created_before")
    return None if begun is None else begun + DAY_US


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    names = dict.fromkeys([*before, *after])
    pairs = [(name, before.get(name, _ABSENT), after.get(name, _ABSENT)) for name in names]
    return [(name, _shown(old), _shown(new)) for name, old, new in pairs if old != new]


def _shown(value: object) -> str:
    if value is _ABSENT or value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "—"
    return str(value)


ROUTES = (admin_route("GET", "/audit", show, "Who did what"),)
