from typing import Literal, cast

PaidBodyEnvironmentType0 = Literal["live", "staging"]


def check_paid_body_environment_type_0(value: str) -> PaidBodyEnvironmentType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PaidBodyEnvironmentType0, value)
