"""A provider's own books of refunds: what it made of our requests, and what it would tell of it."""

from dataclasses import dataclass, field, replace
from typing import Literal, cast

import httpx

from billing.providers.abilities import RefundReport, RefundRequest
from billing.providers.protocol import (
    Provider,
    ProviderRefused,
    ProviderSettings,
    ProviderUnavailable,
    Refunded,
    RefundFailed,
    Registration,
    Subject,
)
from billing.providers.registry import Providers
from kernel.clock import Clock

# How the next request ends: made, refused, made with its answer lost, or lost on the way.
Fate = Literal["made", "refused", "answer lost", "request lost"]


@dataclass(frozen=True, slots=True)
class MadeRefund:
    """One refund at the vendor."""

    id: str
    ours: str
    order_id: str
    word: RefundReport

    @property
    def is_failed(self) -> bool:
        return isinstance(self.word.fact, RefundFailed)


@dataclass(slots=True)
class VendorRefunds:
    """Keeps the ability's protocol; with the idempotency of a vendor that knows keys, or without."""

    is_repeatable: bool = True
    is_named: bool = True
    takes_part: bool = True
    tells_parts: bool = True
    fate: Fate = "made"
    made: dict[str, MadeRefund] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    async def refund(self, request: RefundRequest) -> RefundReport:
        self.requests.append(request.id)
        known = self._of(request.id)
        if known is not None and self.is_repeatable:
            return known.word
        if self.fate == "request lost":
            raise ProviderUnavailable("nobody answered")
        if self.fate == "refused":
            raise ProviderRefused("no")
        number = f"re_{len(self.made) + 1}"
        subject = Subject(request.order_id, (number, request.id))
        fact = Refunded(subject, number, request.price, is_part=self.tells_parts)
        one = MadeRefund(
            number, request.id, request.order_id, RefundReport("succeeded", number, fact)
        )
        self.made[number] = one
        if self.fate == "answer lost":
            raise ProviderUnavailable("the answer was lost")
        return one.word

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:
        found = self._of(request.id)
        return None if found is None else found.word

    def fail(self, number: str) -> None:
        """It comes back from the payer's bank."""
        one = self.made[number]
        fact = one.word.fact
        assert fact is not None, "what was made is a fact"
        failed = RefundFailed(fact.subject, fact.key, fact.price, is_part=fact.is_part)
        self.made[number] = replace(one, word=RefundReport("failed", number, failed))

    def _of(self, refund_id: str) -> MadeRefund | None:
        return next((one for one in self.made.values() if one.ours == refund_id), None)


class _Settings(ProviderSettings):
    @property
    def is_complete(self) -> bool:
        return True

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return ("secret",)

    @classmethod
    def for_sandbox(cls, secret: str) -> "_Settings":
        return cls()


class _Vendor:
    def __init__(self, refunds: VendorRefunds) -> None:
        self.abilities: tuple[object, ...] = (refunds,)


def providers_with(refunds: VendorRefunds, clock: Clock) -> Providers:
    """A provider called stripe that can do nothing but refunds."""
    registration = Registration(
        name="stripe",
        settings=_Settings,
        make=lambda *_: cast(Provider, _Vendor(refunds)),
        paths=("/payment/webhook/stripe",),
    )
    return Providers(
        {"stripe": registration}, {}, simulated_secrets={}, client=httpx.AsyncClient(), clock=clock
    )
