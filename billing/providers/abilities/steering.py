"""Steering: a provider ends, pauses, resumes and changes a subscription when it is asked to.

What it answers is a fact like one of its notifications: whoever acts on facts moves our state by it. A
request that may have been carried out is not sent again before the provider was asked how it stands.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import ProviderRefused, SubscriptionChanged

Act = Literal["cancel", "cancel_now", "pause", "resume", "change"]


class PaymentDeclined(ProviderRefused):
    """What was to be paid at once was not: the card was declined, or its bank asks the payer."""


@dataclass(frozen=True, slots=True)
class SteerRequest:
    """What is wanted of a subscription; cancel: at the end of its period. resume: it neither ends nor pauses.

    resumes_at: of a pause, when it ends by itself, in microseconds; None: when somebody resumes it.
    key: the same for each try of one wish. Of a change: product_ref is the provider's price or product of
    the new plan, from_ref that of today's; is_charged_now: the rest of the period is paid for at once,
    else the new price counts from the next period on; is_at_end: nothing changes before that one begins.
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
        """What is asked for, after "refused"."""
        words: dict[Act, str] = {
            "cancel": "to end the plan with its period",
            "cancel_now": "to end the plan at once",
            "pause": "to pause the plan",
            "resume": "to let the plan go on",
            "change": "to change the plan",
        }
        return words[self.act]

    def is_reached(self, standing: SubscriptionChanged) -> bool:
        """Whether the subscription stands as is wanted already."""
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
    """Whether it is over at the provider, so that nothing can be done to it there."""
    return standing.status in {"cancelled", "expired"}


@runtime_checkable
class Steering(Protocol):
    """A provider that does it."""

    async def standing(self, subscription_ref: str) -> SubscriptionChanged:
        """How it stands there; raises ProviderUnavailable and ProviderRefused."""
        ...

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        """Does it, and how it stands then.

        Raises ProviderUnavailable (nothing is known of it), ProviderRefused (a definite no), and of a
        change that is charged now PaymentDeclined.
        """
        ...


@runtime_checkable
class Scheduling(Protocol):
    """A provider that can have a change wait for the end of the period, such as a year's to a month."""

    @property
    def has_schedules(self) -> bool: ...


@runtime_checkable
class Pausing(Protocol):
    """A provider that can charge nothing for a while. pauses_until: also until a time that is named."""

    @property
    def pauses_until(self) -> bool: ...


@runtime_checkable
class Previewing(Protocol):
    """A provider that says beforehand what a change costs."""

    async def preview(self, request: SteerRequest) -> Price:
        """What would be charged now, with tax; raises ProviderUnavailable and ProviderRefused."""
        ...
