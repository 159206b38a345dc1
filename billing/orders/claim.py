"""Claims: a provider's id that is to lead to what is ours from now on, and whose it is once two ask.

Invariant: an id belongs to whoever claims it first, by the primary keys of provider_objects and
subscription_objects. Two transactions that claim one id wait for each other there, so they learn the
same owner.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

ObjectKey = tuple[str, str, str]  # provider, environment, object id


class Claim(msgspec.Struct, frozen=True, gc=False, order=True):
    """What every claim has; account_id: whose the owner is."""

    provider: str
    environment: str
    object_id: str
    account_id: str

    @property
    def key(self) -> ObjectKey:
        return (self.provider, self.environment, self.object_id)


class OrderClaim(Claim, frozen=True, gc=False, order=True):
    """An id for an order."""

    order_id: str


class PeriodClaim(Claim, frozen=True, gc=False, order=True):
    """An id for a subscription, or for one of its periods; period_start_at 0: for itself."""

    subscription_id: str
    period_start_at: int


C = TypeVar("C", bound=Claim)


def first_claims(claims: Iterable[C]) -> list[C]:
    """Of several claims of one id the first, sorted by the ids."""
    first: dict[ObjectKey, C] = {}
    for one in sorted(set(claims)):
        first.setdefault(one.key, one)
    return list(first.values())
