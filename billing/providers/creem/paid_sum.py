"""Fetch from Creem a payment that `subscription.paid` names but doesn't include.

Source: docs.creem.io, API reference, transactions.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from billing.providers.creem.events import Transaction, with_transaction
from billing.providers.protocol import InvoicePaid, ProviderRefused

Ask = Callable[[str], Awaitable[Transaction]]


class CreemPaidSum:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def with_sum(self, paid: InvoicePaid) -> InvoicePaid:
        query = urlencode({"transaction_id": paid.invoice_id})
        found = await self._ask(f"/v1/transactions?{query}")
        if found.id != paid.invoice_id:
            raise ProviderRefused("creem showed another transaction")
        return with_transaction(paid, found)
