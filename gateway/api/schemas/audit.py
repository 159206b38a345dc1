"""The shape of the security log's entries."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from gateway.answers.words import Environment, Time
from kernel.shaped import Shaped
from keys.audit_log import ActorKind, NamedEntry


class AuditActor(Struct, kw_only=True):
    """Who did it. id and name are of the key, token, session or app; name is today's."""

    kind: ActorKind
    id: str
    name: str | None


class AuditEntry(Shaped, kw_only=True):
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
    def of(cls, named: NamedEntry, /, **more: Any) -> Self:
        """An entry as its tenant sees it."""
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
