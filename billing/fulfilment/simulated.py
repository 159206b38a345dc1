"""Simulate a supplier in staging: call no provider, deliver at once, nothing real."""

import hashlib
from collections.abc import Callable

from billing.fulfilment.protocol import (
    Delivered,
    Health,
    Outcome,
    Request,
    Revocation,
    Revoked,
    Supplier,
)
from billing.topups.topup import Deliverable

SAMPLE_CHARACTERS = 16


class SimulatedSupplier(Supplier):
    def __init__(self, sample: Callable[[Request], Deliverable]) -> None:
        self._sample = sample

    async def fulfil(self, request: Request) -> Outcome:
        return Delivered(self._sample(request))

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        return Revoked()

    async def probe(self) -> Health:
        return Health(
            is_well=True, detail="Simulated: it calls no provider and delivers nothing real."
        )


def sample_text(request: Request) -> str:
    """Return letters like a code's, worthless, and the same for each call of a top-up."""
    drawn = hashlib.sha256(request.transaction_id.encode()).hexdigest()
    return drawn[:SAMPLE_CHARACTERS].upper()
