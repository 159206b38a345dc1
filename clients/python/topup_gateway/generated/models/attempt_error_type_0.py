from typing import Literal, cast

AttemptErrorType0 = Literal[
    "address", "connect", "http", "internal", "lost", "protocol", "timeout", "tls"
]


def check_attempt_error_type_0(value: str) -> AttemptErrorType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AttemptErrorType0, value)
