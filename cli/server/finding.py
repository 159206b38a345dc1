"""What one check of `topup doctor` found, and how a check reports a problem."""

from dataclasses import dataclass


class CheckError(Exception):
    """A check failed; the message says what to do."""


class CheckWarning(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Finding:
    """is_well null: worth knowing, but no reason to fail."""

    part: str
    is_well: bool | None
    detail: str
