from typing import Literal, cast

BulkItemRecipientType0 = Literal["self"]


def check_bulk_item_recipient_type_0(value: str) -> BulkItemRecipientType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BulkItemRecipientType0, value)
