"""The shape of the security log's entries."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.answers.words import Environment, Time
from keys.audit_log import ActorKind


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
    before: Annotated[dict[str, Any] | None, Meta(description="What differed before.")]
    after: Annotated[dict[str, Any] | None, Meta(description="What it is now.")]
    reason: str | None
