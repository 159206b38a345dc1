"""Claims that lead from a provider's ID to our order, subscription or period.

An ID belongs to its first claimer, by primary keys. Two transactions that claim one ID wait for each other
there, and learn the same owner.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

ObjectKey = tuple[str, str, str]  # provider, environment, object id


class Claim(msgspec.Struct, frozen=True, gc=False, order=True):
    provider: str
    environment: str
    object_id: str
    account_id: str

    @property
    def key(self) -> ObjectKey:
        return (self.provider, self.environment, self.object_id)


class OrderClaim(Claim, frozen=True, gc=False, order=True):
    order_id: str


class PeriodClaim(Claim, frozen=True, gc=False, order=True):
    """period_start_at 0 means the subscription itself."""

    subscription_id: str
    period_start_at: int


C = TypeVar("C", bound=Claim)


def first_claims(claims: Iterable[C]) -> list[C]:
    """Return the first claim of each ID, sorted by ID."""
    first: dict[ObjectKey, C] = {}
    for one in sorted(set(claims)):
        first.setdefault(one.key, one)
    return list(first.values())
