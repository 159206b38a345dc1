"""A provider that cancels, pauses, resumes and changes a subscription on request.

Its response is a fact like one of its notifications. A request that may have had its effect isn't repeated
before the subscription's standing was read.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import ProviderRefused, SubscriptionChanged

Act = Literal["cancel", "cancel_now", "pause", "resume", "change"]


class PaymentDeclined(ProviderRefused):
    """A payment due at once failed: the card was declined, or its bank asks the payer."""


@dataclass(frozen=True, slots=True)
class SteerRequest:
    """The requested change of a subscription.

    - cancel: at the end of its period. resumes_at: None: when it is resumed.
    - key: the same for each try of one change.
    - For a change of plans: product_ref is the provider's new price or product, from_ref the present one.
      is_charged_now: the rest of the period is paid at once, else the new price counts from the next period on.
      is_at_end: nothing changes before the next period.
    """

    subscription_ref: str
    act: Act
    key: str
    product_ref: str | None = None
    from_ref: str | None = None
    is_charged_now: bool = False
    is_at_end: bool = False
    resumes_at: int | None = None

    @property
    def in_words(self) -> str:
        """Return what is requested, as it follows "refused"."""
        words: dict[Act, str] = {
            "cancel": "to end the plan with its period",
            "cancel_now": "to end the plan at once",
            "pause": "to pause the plan",
            "resume": "to let the plan go on",
            "change": "to change the plan",
        }
        return words[self.act]

    def is_reached(self, standing: SubscriptionChanged) -> bool:
        is_over = has_ended(standing)
        if self.act == "cancel_now":
            return is_over
        if self.act == "cancel":
            return is_over or standing.is_ending
        if self.act == "change":
            return standing.product_ref == self.product_ref
        is_paused = standing.status == "paused"
        if self.act == "pause":
            return is_paused and standing.resumes_at == self.resumes_at
        return not is_over and not is_paused and not standing.is_ending


def has_ended(standing: SubscriptionChanged) -> bool:
    return standing.status in {"cancelled", "expired"}


@runtime_checkable
class Steering(Protocol):
    async def standing(self, subscription_ref: str) -> SubscriptionChanged:
        """Return its standing there; raise ProviderUnavailable and ProviderRefused."""
        ...

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        """Do it, and return the standing afterwards. Raises ProviderUnavailable (the outcome is unknown),
        ProviderRefused (a definite no), and PaymentDeclined for a change charged now.
        """
        ...


@runtime_checkable
class Scheduling(Protocol):
    @property
    def has_schedules(self) -> bool: ...


@runtime_checkable
class Pausing(Protocol):
    """A provider that can stop charging. pauses_until: also until a given time."""

    @property
    def pauses_until(self) -> bool: ...


@runtime_checkable
class Previewing(Protocol):
    async def preview(self, request: SteerRequest) -> Price:
        """Return what would be charged now, with tax; raise ProviderUnavailable and ProviderRefused."""
        ...
