from typing import Literal, cast

ReversalOutcomeType0 = Literal["kept", "reversed"]


def check_reversal_outcome_type_0(value: str) -> ReversalOutcomeType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReversalOutcomeType0, value)
