from typing import Literal, cast

PlatformFulfilment = Literal["asynchronous", "immediate"]


def check_platform_fulfilment(value: str) -> PlatformFulfilment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PlatformFulfilment, value)
