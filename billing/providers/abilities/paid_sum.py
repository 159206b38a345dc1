"""A payment's amount: a provider whose notification of a period may leave it out can be asked for it.

A product isn't always paid at its list price: the rest of a period costs less, and so does a coupon.
"""

from typing import Protocol, runtime_checkable

from billing.providers.protocol import InvoicePaid


@runtime_checkable
class PaidSum(Protocol):
    """A provider that can be asked."""

    async def with_sum(self, paid: InvoicePaid) -> InvoicePaid:
        """Return the fact with what was really paid; raise ProviderUnavailable and ProviderRefused."""
        ...
