"""A payment's sum: a provider whose notification of a period may leave it out says it when it is asked.

What is sold at a list price is not always paid at it: the rest of a period costs less, a coupon too.
"""

from typing import Protocol, runtime_checkable

from billing.providers.protocol import InvoicePaid


@runtime_checkable
class PaidSum(Protocol):
    """A provider that can be asked."""

    async def with_sum(self, paid: InvoicePaid) -> InvoicePaid:
        """The fact with what was really paid; raises ProviderUnavailable and ProviderRefused."""
        ...
