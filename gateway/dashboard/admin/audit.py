"""The audit log: who did what to what, and how it was before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.paging import ASKED, paged
from gateway.html.forms import read_query
from gateway.html.render import page
from gateway.http.fields import Fields, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from keys import audit_log
from keys.audit_log import AuditEntry
from store.database import Transaction

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, and what it changed: field, before, after; as text."""

    entry: AuditEntry
    changes: Sequence[tuple[str, str, str]]


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first; of one account, if wanted."""
    environment, asked = call.principal.environment, read_query(call)
    before_id = cursor_id(asked.text("cursor") or None, "adt")

    async def work(tx: Transaction) -> Sequence[AuditEntry]:
        return await audit_log.page(
            tx,
            environment,
            account_id=asked.text("account_id") or None,
            before_id=before_id,
            limit=ASKED,
        )

    found = await call.context.database.read(work)
    lines = [Line(entry, _changes(entry.before or {}, entry.after or {})) for entry in found]
    listing = paged(call, lines, lambda line: str(line.entry.id), filters=("account_id",))
    return page(call, "admin/audit.html", listing=listing)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What differs, in the order of the fields."""
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
