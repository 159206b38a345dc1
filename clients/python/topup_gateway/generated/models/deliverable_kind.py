from typing import Literal, cast

DeliverableKind = Literal["code", "credit", "key", "link", "note"]


def check_deliverable_kind(value: str) -> DeliverableKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeliverableKind, value)
