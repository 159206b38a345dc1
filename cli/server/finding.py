"""What one check of `topup doctor` saw, and how a check says that something is wrong."""

from dataclasses import dataclass


class Sick(Exception):
    """A check failed; the message says what to do."""


class Odd(Exception):
    """Worth knowing, and no reason to fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw. is_well null: worth knowing, and no reason to fail."""

    part: str
    is_well: bool | None
    detail: str
