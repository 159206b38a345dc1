"""Credit the recipient's wallet in this gateway.

If this is a platform's first supplier, the send's own transaction delivers the credit. Otherwise, this supplier is
called like any other.
"""

from billing.fulfilment.protocol import (
    CREDIT,
    Delivered,
    Options,
    Outcome,
    Registration,
    Request,
    Supplier,
    Tools,
)
from billing.topups.platform import WALLET


class Wallet(Supplier):
    async def fulfil(self, request: Request) -> Outcome:  # noqa: ARG002 nothing to ask
        return Delivered()


def _make(_options: Options, _tools: Tools) -> Wallet:
    return Wallet()


SUPPLIER = Registration(
    name=WALLET,
    text="Credit in the recipient's wallet in this gateway.",
    options=Options,
    make=_make,
    sample=lambda _request: CREDIT,
    asked_again="repeat",
)
