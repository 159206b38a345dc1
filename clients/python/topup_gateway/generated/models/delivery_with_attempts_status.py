from typing import Literal, cast

DeliveryWithAttemptsStatus = Literal["cancelled", "delivered", "failed", "pending", "sending"]


def check_delivery_with_attempts_status(value: str) -> DeliveryWithAttemptsStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeliveryWithAttemptsStatus, value)
