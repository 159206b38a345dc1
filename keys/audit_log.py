"""Store operators' actions and accounts' security events in one table.

The transaction that makes a change also writes its entry. An entry contains no secret and is never changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from kernel.clock import MINUTE_US, rfc3339
from kernel.ids import least_id, new_id
from kernel.tenant import Tenant
from keys.principal import Principal, PrincipalKind
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping, as_json

COMMAND_LINE = "cli"
TEXT_CHARACTERS_MAX = 200
PRUNE_ROWS = 500
ActorKind = Literal[
    "key", "token", "session", "app", "operator", "visitor", "cli", "gateway", "portal"
]
_KINDS: Mapping[PrincipalKind, ActorKind] = {
    "key": "key",
    "system_token": "token",
    "operator_token": "operator",
    "session": "session",
    "oauth": "app",
    "mcp": "key",
    "portal": "portal",
}


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One audit entry. `account_id` is None if the entry concerns a catalogue or the installation. `before` is None
    for a new object.

    `actor` is a credential's ID, or "cli". Tenants can read an entry only if `is_security` is true.
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
    is_security: bool = False
    actor_kind: ActorKind | None = None
    address: str | None = None
    user_agent: str | None = None
    outcome: str = "done"
    created_at: int

    def shape(self) -> dict[str, Any]:
        return {
            name: rfc3339(value) if name == "created_at" else value
            for name, value in msgspec.structs.asdict(self).items()
        }


class Actor(msgspec.Struct, frozen=True):
    name: str = COMMAND_LINE
    account_id: str | None = None
    kind: ActorKind = "cli"
    address: str | None = None
    user_agent: str | None = None
    is_program: bool = False

    @classmethod
    def of(
        cls, principal: Principal, *, address: str | None = None, user_agent: str | None = None
    ) -> "Actor":
        kind = _KINDS[principal.kind]
        is_program = principal.kind != "session"
        return cls(
            principal.credential_id, principal.person_id, kind, address, user_agent, is_program
        )


class NamedEntry(msgspec.Struct, frozen=True):
    entry: AuditEntry
    actor_name: str | None

    @property
    def id(self) -> str:
        return self.entry.id


def entry(
    actor: Actor,
    action: str,
    *,
    environment: str,
    subject_id: str,
    now_us: int,
    **more: Any,
) -> AuditEntry:
    return AuditEntry(
        id=new_id("adt"),
        environment=environment,
        actor=actor.name,
        actor_account_id=actor.account_id,
        actor_kind=actor.kind,
        address=_cut(actor.address),
        user_agent=_cut(actor.user_agent),
        action=action,
        subject_id=subject_id,
        created_at=now_us,
        **more,
    )


def security(
    actor: Actor,
    action: str,
    *,
    account_id: str,
    environment: str,
    subject_id: str,
    now_us: int,
    **more: Any,
) -> AuditEntry:
    return entry(
        actor,
        action,
        environment=environment,
        subject_id=subject_id,
        now_us=now_us,
        account_id=account_id,
        is_security=True,
        **more,
    )


async def record(tx: Transaction, entries: Iterable[AuditEntry]) -> None:
    await tx.insert("audit_log", _ROWS.columns, [_ROWS.write(one) for one in entries])


async def record_change(
    tx: Transaction,
    by: Actor,
    action: str,
    environment: str,
    subject_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    now_us: int,
) -> None:
    made = entry(
        by,
        action,
        environment=environment,
        subject_id=subject_id,
        before=before,
        after=after,
        now_us=now_us,
    )
    await record(tx, [made])


async def page(
    tx: Transaction,
    environment: str,
    *,
    account_id: str | None = None,
    action: str | None = None,
    by: str | None = None,
    subject_id: str | None = None,
    created_after: int | None = None,
    created_before: int | None = None,
    before_id: Begin = None,
    limit: int,
) -> Sequence[AuditEntry]:
    """List operators' actions in this environment, and those on whole accounts, newest first.

    An `action` such as "key" also finds "key.revoked". `by` is a credential's ID, an account, or a name from
    the command line.
    """
    rows = await _OF_OPERATORS.page(
        tx,
        before_id=before_id,
        limit=limit,
        environment=environment,
        account_id=account_id,
        action=action,
        by=by,
        subject_id=subject_id,
        created_after=created_after,
        created_before=created_before,
    )
    return [_ROWS.read(row) for row in rows]


async def page_of_account(
    tx: Transaction, tenant: Tenant, *, before_id: Begin = None, limit: int
) -> Sequence[NamedEntry]:
    rows = await _OF_ACCOUNT.page(tx, tenant, before_id=before_id, limit=limit)
    return [NamedEntry(_ROWS.read(row), row["actor_name"]) for row in rows]


async def acts_on(
    tx: Transaction,
    account_id: str,
    action: str,
    subject_ids: Sequence[str],
    *,
    since_us: int,
) -> Mapping[str, NamedEntry]:
    rows = await tx.fetch(
        f"""SELECT {_NAMED} FROM {_OF_ACTORS}
            WHERE l.account_id = :account_id AND l.is_security = 1 AND l.id >= :least_id
              AND l.action = :action AND l.subject_id IN :ids[text]""",
        account_id=account_id,
        least_id=least_id("adt", since_us - MINUTE_US),
        action=action,
        ids=sorted(set(subject_ids)),
    )
    return {row["subject_id"]: NamedEntry(_ROWS.read(row), row["actor_name"]) for row in rows}


async def prune(tx: Transaction, *, before_us: int) -> int:
    """Delete some of the security entries that are older than `before_us`."""
    return await tx.execute(
        """DELETE FROM audit_log WHERE id IN (
               SELECT id FROM audit_log WHERE is_security = 1 AND created_at < :before_us
               ORDER BY created_at LIMIT :rows)""",
        before_us=before_us,
        rows=PRUNE_ROWS,
    )


_ROWS = RowMapping(AuditEntry, stored={"before": as_json(Any), "after": as_json(Any)})
_OF_OPERATORS = Keyset(
    _ROWS.listed,
    "audit_log",
    """(is_security = 0 OR actor_kind IN ('operator', 'cli'))
    AND (environment = :environment OR environment = '')""",
    filters={
        "account_id": "account_id = :account_id",
        "action": "(action = :action OR REPLACE(action, :action || '.', '') <> action)",
        "by": "(actor = :by OR actor_account_id = :by)",
        "subject_id": "subject_id = :subject_id",
        "created_after": "created_at >= :created_after",
        "created_before": "created_at < :created_before",
    },
)
_NAMED = f"""{_ROWS.of("l")}, COALESCE(k.name, t.name, (
        SELECT MIN(m.email) FROM members m WHERE m.account_id = l.account_id
            AND m.person_id = l.actor_account_id)) AS actor_name"""
_OF_ACTORS = """audit_log l
    LEFT JOIN api_keys k ON k.id = l.actor
    LEFT JOIN access_tokens t ON t.id = l.actor"""
_OF_ACCOUNT = Keyset(
    _NAMED,
    _OF_ACTORS,
    """l.account_id = :account_id AND l.is_security = 1
    AND (l.environment = :environment OR l.environment = '')""",
    key="l.id",
)


def _cut(text: str | None) -> str | None:
    if text is None:
        return None
    return "".join(letter for letter in text if letter.isprintable())[:TEXT_CHARACTERS_MAX]
