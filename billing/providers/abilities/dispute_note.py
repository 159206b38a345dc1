"""What a provider says of a dispute beside its amount, for the people who answer it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DisputeNote:
    """status and reason are in the provider's own words. due_at: until when evidence counts; null if unknown
    or not needed. is_inquiry: the bank took no money. sent_at: by the provider's clock.
    """

    status: str
    reason: str = ""
    due_at: int | None = None
    is_inquiry: bool = False
    is_over: bool = False
    page_url: str | None = None
    sent_at: int | None = None
