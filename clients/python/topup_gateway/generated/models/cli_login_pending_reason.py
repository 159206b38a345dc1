from typing import Literal, cast

CliLoginPendingReason = Literal["authorization_pending"]


def check_cli_login_pending_reason(value: str) -> CliLoginPendingReason:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CliLoginPendingReason, value)
