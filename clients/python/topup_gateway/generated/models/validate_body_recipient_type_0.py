from typing import Literal, cast

ValidateBodyRecipientType0 = Literal["self"]


def check_validate_body_recipient_type_0(value: str) -> ValidateBodyRecipientType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ValidateBodyRecipientType0, value)
