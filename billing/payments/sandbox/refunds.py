"""The sandbox's refunds: they end as their reason says, and no money moves.

A reason that begins with one of OUTCOMES ends so; others succeed at once, with a fact like the provider's
own.
"""

from typing import Final

from billing.providers.abilities.refunding import Refunding, RefundRequest, RefundWord
from billing.providers.protocol import (
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundFailed,
    Subject,
)

# Refused; made with a lost response; stays open; returns.
OUTCOMES: Final = ("sandbox refused", "sandbox unknown", "sandbox pending", "sandbox returned")


class SandboxRefunds:
    is_named = True
    is_repeatable = True

    def __init__(self, inner: Refunding | None) -> None:
        self.takes_part = inner is None or inner.takes_part
        self.tells_parts = inner is not None and inner.tells_parts

    async def refund(self, request: RefundRequest) -> RefundWord:
        outcome = _outcome(request.reason)
        if outcome == "sandbox refused":
            raise ProviderRefused("the sandbox refused the refund")
        if outcome == "sandbox unknown":
            raise ProviderUnavailable("the sandbox's answer was lost")
        if outcome == "sandbox pending":
            return RefundWord("pending", request.id)
        return self._made(request)

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        if _outcome(request.reason) == "sandbox pending":
            return RefundWord("pending", request.id)
        if _outcome(request.reason) == "sandbox returned":
            failed = RefundFailed(Subject(request.order_id), request.id, request.price)
            return RefundWord("failed", request.id, failed)
        return self._made(request)

    def _made(self, request: RefundRequest) -> RefundWord:
        subject = Subject(request.order_id, (request.id,))
        is_pending = _outcome(request.reason) == "sandbox returned"
        fact = Refunded(
            subject, request.id, request.price, is_part=self.tells_parts, is_pending=is_pending
        )
        return RefundWord("pending" if is_pending else "succeeded", request.id, fact)


def _outcome(reason: str) -> str | None:
    said = reason.strip().lower()
    return next((one for one in OUTCOMES if said.startswith(one)), None)
