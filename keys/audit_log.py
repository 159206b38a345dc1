"""The log of administrative acts: who did what to what, what it was before and after, and when.

Invariant: an entry is written in the transaction of its act, so neither is there without the other;
entries are added only, never changed. No secret goes in: what is logged is what operators are shown.
Writes audit_log.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from kernel.clock import rfc3339
from kernel.ids import new_id
from keys.principal import Principal
from store.db import Row, Transaction

COMMAND_LINE = "cli"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One act. account_id: whom it was done to; null: a catalogue or the installation.

    actor: a credential's id, or "cli"; actor_account_id is null for the latter. before and after are
    JSON objects, null: it did not exist, or is gone.
    """

    id: str
    environment: str
    account_id: str | None = None
    actor: str
    actor_account_id: str | None = None
    action: str
    subject_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None
    created_at: int

    def shape(self) -> dict[str, Any]:
        """The entry as operators see it."""
        return {
            name: rfc3339(value) if name == "created_at" else value
            for name, value in msgspec.structs.asdict(self).items()
        }


class Actor(msgspec.Struct, frozen=True):
    """Who acts: by a credential of an account, or on the command line."""

    name: str = COMMAND_LINE
    account_id: str | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Actor":
        """The caller; a session is named by its id."""
        return cls(principal.credential_id, principal.account_id)


def entry(
    actor: Actor,
    action: str,
    *,
    environment: str,
    subject_id: str,
    now_us: int,
    **more: Any,
) -> AuditEntry:
    """A fresh entry; more: account_id, before, after, reason."""
    return AuditEntry(
        id=new_id("adt"),
        environment=environment,
        actor=actor.name,
        actor_account_id=actor.account_id,
        action=action,
        subject_id=subject_id,
        created_at=now_us,
        **more,
    )


async def record(tx: Transaction, entries: Iterable[AuditEntry]) -> None:
    """Adds the entries."""
    await tx.insert("audit_log", _COLUMNS, [_row(one) for one in entries])


async def page(
    tx: Transaction,
    environment: str,
    *,
    account_id: str | None = None,
    before_id: str | None = None,
    limit: int,
) -> Sequence[AuditEntry]:
    """At most `limit` entries, newest first, older than before_id; of one account if it is named."""
    narrowed = ""
    values: dict[str, Any] = {}
    if account_id is not None:
        narrowed += " AND account_id = :account_id"
        values["account_id"] = account_id
    if before_id is not None:
        narrowed += " AND id < :before_id"
        values["before_id"] = before_id
    rows = await tx.fetch(
        f"""SELECT {", ".join(_COLUMNS)} FROM audit_log
            WHERE environment = :environment{narrowed} ORDER BY id DESC LIMIT :limit""",
        environment=environment,
        limit=limit,
        **values,
    )
    return [_from_row(row) for row in rows]


_COLUMNS: tuple[str, ...] = AuditEntry.__struct_fields__
_OBJECTS = ("before", "after")


def _row(one: AuditEntry) -> tuple[object, ...]:
    values = msgspec.structs.asdict(one)
    for name in _OBJECTS:
        if values[name] is not None:
            values[name] = msgspec.json.encode(values[name]).decode()
    return tuple(values[column] for column in _COLUMNS)


def _from_row(row: Row) -> AuditEntry:
    values: dict[str, Any] = {column: row[column] for column in _COLUMNS}
    for name in _OBJECTS:
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name])
    return AuditEntry(**values)
