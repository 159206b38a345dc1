"""Roles: what a colleague may do in an account that is not their own, as fixed sets of scopes.

No role administers the gateway, sees how another's top-up is redeemed, or invites; each includes the
reader's.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from keys.principal import ACCOUNT_SCOPES

MemberRole = Literal["developer", "finance", "support", "reader"]
ROLES: Final[tuple[MemberRole, ...]] = get_args(MemberRole)
_READS: Final = frozenset({"topup:read", "webhooks:read", "billing:read", "usage:read"})
ROLE_SCOPES: Final[Mapping[MemberRole, frozenset[str]]] = {
    "developer": _READS
    | {"topup:send", "topup:reverse", "webhooks:write", "usage:write", "keys:write"},
    "finance": _READS | {"billing:write", "approvals:write"},
    "support": _READS | {"topup:reverse"},
    "reader": _READS,
}
assert all(scopes < frozenset(ACCOUNT_SCOPES) for scopes in ROLE_SCOPES.values())


def read_role(text: str) -> MemberRole | None:
    return next((role for role in ROLES if role == text), None)
