"""What any event's data may carry. Pure."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from kernel.shaped import Shaped

# Literal takes no booleans here, so the schema says itself that the field, if present, is true.
Sample = Annotated[
    bool,
    Meta(
        description="There in the sample of a test ping only: nothing of it is real.",
        extra_json_schema={"const": True},
    ),
]


class EventData(Shaped, kw_only=True):
    """What any event's data may carry."""

    test: Sample | UnsetType = UNSET
