"""What a proof of the ledger stands on: the last one that found nothing, and the sealed sums.

A proof looks again at what was still under way when the one before it began, so that each stands on the one before,
and the first of them, which looked at everything, holds for all.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from billing.checkpoints.sealed_part import read_sealed_part
from billing.ledger.audit_balances import SETTLED_US, SealedPart
from billing.ledger.proof import last_good
from store.database import Database


class ProofBasis:
    """Of one proof: keeps `billing/ledger/audit.py`: Basis."""

    def __init__(self, database: Database, *, since_us: int, now_us: int) -> None:
        self._database = database
        self._now_us = now_us
        self._parts: dict[str, SealedPart | None] = {}
        self.since_us: Final = since_us

    @property
    def is_full(self) -> bool:
        """From the first transfer on: nobody asked for less, or there is nothing to stand on."""
        return not self.since_us

    @property
    def days(self) -> Mapping[str, int]:
        """By environment, the last day whose sealed sums were relied on."""
        return {name: part.day_start_at for name, part in self._parts.items() if part is not None}

    async def sealed_part(self, environment: str, *, is_anew: bool) -> SealedPart | None:
        if is_anew or environment not in self._parts:
            self._parts[environment] = await read_sealed_part(
                self._database, environment, now_us=self._now_us
            )
        return self._parts[environment]


async def open_basis(database: Database, *, is_full: bool, now_us: int) -> ProofBasis:
    """For a proof that begins now."""
    proved_at = None if is_full else await database.read(partial(last_good, until=now_us))
    since_us = max(0, (proved_at or 0) - SETTLED_US)
    return ProofBasis(database, since_us=since_us, now_us=now_us)
