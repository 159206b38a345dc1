"""Security log: operators' actions and an account's security events, newest first."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Self

from msgspec import Meta, Struct

from kernel.fields import ExportPage, Page, ShortText, Time as TimeText, time_us
from kernel.shaped import Shaped
from kernel.words import AccountName, Environment, Time
from keys import audit_log
from keys.account import id_named
from keys.act import OPERATOR, ActContext, ListAct
from keys.audit_log import ActorKind, NamedEntry
from keys.principal import ScopeMissing
from store.keyset import Begin

_EXPORT: Final = (
    *("id", "created_at", "action", "outcome", "environment", "subject_id", "actor.kind"),
    *("actor.id", "actor.name", "address", "user_agent", "before", "after", "reason"),
)


class AuditQuery(Page, frozen=True, kw_only=True):
    account: AccountName | None = None
    action: Annotated[
        ShortText | None,
        Meta(
            description="An action, such as pack.disable, or a group of actions, such as account."
        ),
    ] = None
    by: Annotated[
        ShortText | None, Meta(description="The ID of the credential or account that acted.")
    ] = None
    subject_id: Annotated[ShortText | None, Meta(description="The object's ID.")] = None
    created_after: Annotated[
        TimeText | None, Meta(description="Return only entries from this time on.")
    ] = None
    created_before: Annotated[
        TimeText | None, Meta(description="Return only entries before this time.")
    ] = None


class OperatorsAct(Shaped, kw_only=True):
    """An operator's action, as other operators see it."""

    id: Annotated[str, Meta(pattern=r"^adt_[0-9A-Za-z]+$")]
    created_at: Time
    action: Annotated[str, Meta(description="The action, such as pack.disable.")]
    outcome: Annotated[str, Meta(description="The outcome: done or refused.")]
    environment: Annotated[
        Environment | None,
        Meta(description="The environment. Null if the entry concerns an account as a whole."),
    ]
    account_id: Annotated[str | None, Meta(description="The ID of the account concerned, or null.")]
    subject_id: Annotated[str, Meta(description="The object's ID.")]
    actor_kind: Annotated[str | None, Meta(description="The kind of credential that acted.")]
    actor: Annotated[str, Meta(description="The credential's ID, or cli for the command line.")]
    actor_account_id: Annotated[str | None, Meta(description="The ID of the account that acted.")]
    address: Annotated[str | None, Meta(description="The request's IP address, or null.")]
    user_agent: Annotated[str | None, Meta(description="The request's User-Agent, or null.")]
    before: Annotated[Mapping[str, Any] | None, Meta(description="The changed fields' old values.")]
    after: Annotated[Mapping[str, Any] | None, Meta(description="The changed fields' new values.")]
    reason: Annotated[str | None, Meta(description="The reason that was given, or null.")]

    @classmethod
    def of(cls, entry: audit_log.AuditEntry, /, **more: Any) -> Self:
        return super().of(entry, environment=entry.environment or None, **more)


async def list_acts(
    context: ActContext, asked: AuditQuery, begin: Begin, limit: int
) -> Sequence[audit_log.AuditEntry]:
    return await audit_log.page(
        context.tx,
        context.environment,
        account_id=await id_named(context.tx, asked.account),
        action=asked.action,
        by=asked.by,
        subject_id=asked.subject_id,
        created_after=time_us(asked.created_after, "created_after"),
        created_before=time_us(asked.created_before, "created_before"),
        before_id=begin,
        limit=limit,
    )


LIST_ACTS = ListAct(
    name="audit-log.list",
    summary="List operators' actions",
    path="/audit-log",
    audience=(OPERATOR,),
    query=AuditQuery,
    run=list_acts,
    result=OperatorsAct,
    prefix="adt",
    is_catalogue=True,
    columns=("created_at", "action", "actor", "subject_id", "account_id", "reason"),
    examples=("topup audit-log list --environment live --action account.suspended",),
)


class AuditActor(Struct, kw_only=True):
    """The credential that acted."""

    kind: Annotated[ActorKind, Meta(description="The kind of the credential.")]
    id: Annotated[str, Meta(description="The ID of the key, token, session or app.")]
    name: Annotated[str | None, Meta(description="The credential's current name, or null.")]


class AuditEntry(Shaped, kw_only=True):
    """An event that concerns the account's security."""

    id: Annotated[str, Meta(pattern=r"^adt_[0-9A-Za-z]+$")]
    created_at: Time
    action: Annotated[str, Meta(description="The action, such as key.created or session.begun.")]
    outcome: Annotated[
        str, Meta(pattern="^(done|refused)$", description="The outcome: done or refused.")
    ]
    environment: Annotated[
        Environment | None,
        Meta(description="The environment. Null if the entry concerns the account as a whole."),
    ]
    subject_id: Annotated[str, Meta(description="The object's ID.")]
    actor: Annotated[AuditActor, Meta(description="The credential that acted.")]
    key_id: Annotated[
        str | None,
        Meta(description="The ID of the API key that acted. Null for another credential."),
    ]
    key_name: str | None
    address: Annotated[str | None, Meta(description="The request's IP address, or null.")]
    user_agent: Annotated[str | None, Meta(description="The request's User-Agent, or null.")]
    before: Annotated[Mapping[str, Any] | None, Meta(description="The changed fields' old values.")]
    after: Annotated[Mapping[str, Any] | None, Meta(description="The changed fields' new values.")]
    reason: Annotated[str | None, Meta(description="The reason. Null if none was given.")]

    @classmethod
    def of(cls, named: NamedEntry, /, **more: Any) -> Self:
        entry, name = named.entry, named.actor_name
        assert entry.actor_kind is not None, "the security log knows who did it"
        is_key = entry.actor_kind == "key"
        return super().of(
            entry,
            environment=entry.environment or None,
            actor=AuditActor(kind=entry.actor_kind, id=entry.actor, name=name),
            key_id=entry.actor if is_key else None,
            key_name=name if is_key else None,
            **more,
        )


async def list_entries(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[NamedEntry]:
    if context.asker is not None and len(context.asker.lineage) > 1:
        raise ScopeMissing(
            "To read the security log, use a session, a token, or a key without a parent.",
            reason="lineage",
        )
    return await audit_log.page_of_account(context.tx, context.tenant, before_id=begin, limit=limit)


LIST_ENTRIES = ListAct(
    name="accounts.log",
    summary="List the account's security log",
    description="Lists sign-ins (including refused ones), approvals, and changes to keys, tokens, webhooks and"
    " connected apps, newest first, for the caller's environment and for the account as a whole. Requires a"
    " session, a token, or a key without a parent.",
    path="/audit",
    scopes=("keys:write",),
    query=ExportPage,
    run=list_entries,
    result=AuditEntry,
    prefix="adt",
    export=_EXPORT,
    columns=("created_at", "action", "outcome", "actor", "address", "subject_id"),
    examples=("topup accounts log --account ops@acme.example --environment live --limit 20",),
)
