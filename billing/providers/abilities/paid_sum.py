"""A provider that can be asked for a payment's amount, which its notification may omit.

A product isn't always paid at its list price: the rest of a period costs less, and so does a coupon.
"""

from typing import Protocol, runtime_checkable

from billing.providers.protocol import InvoicePaid


@runtime_checkable
class PaidSum(Protocol):
    async def with_sum(self, paid: InvoicePaid) -> InvoicePaid: ...
