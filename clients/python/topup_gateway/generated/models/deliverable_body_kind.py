from typing import Literal, cast

DeliverableBodyKind = Literal["code", "credit", "key", "link", "note"]


def check_deliverable_body_kind(value: str) -> DeliverableBodyKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeliverableBodyKind, value)
