from typing import Literal, cast

MachinePaymentShapeState = Literal["paid", "refunded", "refused", "settling"]


def check_machine_payment_shape_state(value: str) -> MachinePaymentShapeState:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(MachinePaymentShapeState, value)
