from typing import Literal, cast

FindingPart = Literal["bytes", "header", "public_key", "secret", "timestamp"]


def check_finding_part(value: str) -> FindingPart:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(FindingPart, value)
