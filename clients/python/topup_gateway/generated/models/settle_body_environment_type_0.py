from typing import Literal, cast

SettleBodyEnvironmentType0 = Literal["live", "staging"]


def check_settle_body_environment_type_0(value: str) -> SettleBodyEnvironmentType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SettleBodyEnvironmentType0, value)
