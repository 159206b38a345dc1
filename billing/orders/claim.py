"""Claims that lead from a provider's id to our order, subscription or period, and settle whose it is.

Invariant: an id belongs to whoever claims it first, by the primary keys of provider_objects and
subscription_objects. Two transactions that claim one id wait for each other there, so they learn the same
owner.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

ObjectKey = tuple[str, str, str]  # provider, environment, object id


class Claim(msgspec.Struct, frozen=True, gc=False, order=True):
    """The fields of every claim; account_id is the owner's account."""

    provider: str
    environment: str
    object_id: str
    account_id: str

    @property
    def key(self) -> ObjectKey:
        return (self.provider, self.environment, self.object_id)


class OrderClaim(Claim, frozen=True, gc=False, order=True):
    """A provider's id for an order."""

    order_id: str


class PeriodClaim(Claim, frozen=True, gc=False, order=True):
    """A provider's id for a subscription or one of its periods; period_start_at 0 means the subscription
    itself.
    """

    subscription_id: str
    period_start_at: int


C = TypeVar("C", bound=Claim)


def first_claims(claims: Iterable[C]) -> list[C]:
    """Return the first claim of each id, sorted by the ids."""
    first: dict[ObjectKey, C] = {}
    for one in sorted(set(claims)):
        first.setdefault(one.key, one)
    return list(first.values())
