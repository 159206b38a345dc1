from typing import Literal, cast

AuditActorKind = Literal["app", "cli", "gateway", "key", "operator", "session", "token", "visitor"]


def check_audit_actor_kind(value: str) -> AuditActorKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AuditActorKind, value)
