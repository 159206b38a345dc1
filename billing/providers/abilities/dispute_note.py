"""What a provider says of a dispute beside its amount, for the people who answer it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DisputeNote:
    """status and reason are in the provider's own words.

    due_at: until when evidence counts, in microseconds; null if unknown or no longer needed. is_inquiry: the
    bank asks, and took no money. sent_at: when the provider said so, by its clock in microseconds; null if
    unknown.
    """

    status: str
    reason: str = ""
    due_at: int | None = None
    is_inquiry: bool = False
    is_over: bool = False
    page_url: str | None = None
    sent_at: int | None = None
