"""The shape of the security log's entries."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from msgspec import Meta, Struct

from gateway.answers.words import Environment, Time
from kernel.clock import rfc3339
from keys.audit_log import ActorKind, NotificationRef


class AuditActor(Struct, kw_only=True):
    """Who did it. id and name are of the key, token, session or app; name is today's."""

    kind: ActorKind
    id: str
    name: str | None


class AuditEntry(Struct, kw_only=True):
    """One thing that concerns the account's security."""

    id: Annotated[str, Meta(pattern=r"^adt_[0-9A-Za-z]+$")]
    created_at: Time
    action: Annotated[str, Meta(description="Such as key.created or session.begun.")]
    outcome: Annotated[str, Meta(pattern="^(done|refused)$")]
    environment: Annotated[
        Environment | None, Meta(description="null: it concerns the account as a whole.")
    ]
    subject_id: Annotated[str, Meta(description="What it was done to.")]
    actor: AuditActor
    key_id: Annotated[str | None, Meta(description="The API key that did it; null: no key.")]
    key_name: str | None
    address: Annotated[str | None, Meta(description="Where the request came from.")]
    user_agent: str | None
    before: Annotated[Mapping[str, Any] | None, Meta(description="What differed before.")]
    after: Annotated[Mapping[str, Any] | None, Meta(description="What it is now.")]
    reason: str | None

    @classmethod
    def of(cls, told: NotificationRef) -> "AuditEntry":
        """An entry as its tenant sees it."""
        one = told.entry
        assert one.actor_kind is not None, "the security log knows who did it"
        is_key = one.actor_kind == "key"
        return cls(
            id=one.id,
            created_at=rfc3339(one.created_at),
            action=one.action,
            outcome=one.outcome,
            environment=cast("Environment", one.environment) or None,
            subject_id=one.subject_id,
            actor=AuditActor(kind=one.actor_kind, id=one.actor, name=told.actor_name),
            key_id=one.actor if is_key else None,
            key_name=told.actor_name if is_key else None,
            address=one.address,
            user_agent=one.user_agent,
            before=one.before,
            after=one.after,
            reason=one.reason,
        )
