from typing import Literal, cast

SendBodyRecipientType0 = Literal["self"]


def check_send_body_recipient_type_0(value: str) -> SendBodyRecipientType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SendBodyRecipientType0, value)
