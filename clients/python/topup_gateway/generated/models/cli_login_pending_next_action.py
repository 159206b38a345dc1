from typing import Literal, cast

CliLoginPendingNextAction = Literal["poll"]


def check_cli_login_pending_next_action(value: str) -> CliLoginPendingNextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CliLoginPendingNextAction, value)
