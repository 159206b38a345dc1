from typing import Literal, cast

OutcomeBodyOutcome = Literal["delivered", "failed"]


def check_outcome_body_outcome(value: str) -> OutcomeBodyOutcome:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OutcomeBodyOutcome, value)
