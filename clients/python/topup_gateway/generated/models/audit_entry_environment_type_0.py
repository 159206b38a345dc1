from typing import Literal, cast

AuditEntryEnvironmentType0 = Literal["live", "staging"]


def check_audit_entry_environment_type_0(value: str) -> AuditEntryEnvironmentType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AuditEntryEnvironmentType0, value)
