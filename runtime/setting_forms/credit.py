"""The settings of credit that expires: when its account is notified."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

DAYS_MAX = 60
LEADS_MAX = 5


def days_of(text: str) -> Sequence[int]:
    """Parse the days before an end, such as `7, 1`; raise ValueError for anything else."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(parts) > LEADS_MAX or not all(part.isdecimal() and len(part) <= 2 for part in parts):
        raise ValueError(f"is a list of at most {LEADS_MAX} numbers of days such as 7, 1")
    days = sorted({int(part) for part in parts}, reverse=True)
    if days and not (days[-1] >= 1 and days[0] <= DAYS_MAX):
        raise ValueError(f"names days from 1 to {DAYS_MAX}")
    return days


def _check(text: str) -> str:
    days_of(text)
    return text


class CreditSettings(BaseModel):
    credit_expiring_days: Annotated[str, AfterValidator(_check)] = Field(
        "7, 1",
        description="Days before credit ends at which credit.expiring tells; empty: never.",
    )

    @property
    def expiring_days(self) -> Sequence[int]:
        return days_of(self.credit_expiring_days)
