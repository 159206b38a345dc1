from typing import Literal, cast

FulfilmentAttemptOutcome = Literal[
    "delivered", "dropped", "kept", "refused", "requested", "revoked", "unknown", "waiting"
]


def check_fulfilment_attempt_outcome(value: str) -> FulfilmentAttemptOutcome:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(FulfilmentAttemptOutcome, value)
