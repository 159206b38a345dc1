from typing import Literal, cast

Scope = Literal[
    "admin",
    "approvals:write",
    "billing:read",
    "billing:write",
    "keys:write",
    "topup:read",
    "topup:reverse",
    "topup:send",
    "usage:read",
    "usage:write",
    "vouchers:read",
    "vouchers:redeem",
    "webhooks:read",
    "webhooks:write",
]


def check_scope(value: str) -> Scope:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(Scope, value)
