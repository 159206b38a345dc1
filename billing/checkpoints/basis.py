"""What an audit of the ledger rests on: the last one without findings, and the sealed sums.

An audit checks again what was under way when the one before it began. So the first one, which checked
everything, counts for all.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from billing.checkpoints.sealed_part import read_sealed_part
from billing.ledger.audit_balances import SETTLED_US, SealedPart
from billing.ledger.proof import last_good
from store.database import Database


class ProofBasis:
    def __init__(self, database: Database, *, since_us: int, now_us: int) -> None:
        self._database = database
        self._now_us = now_us
        self._parts: dict[str, SealedPart | None] = {}
        self.since_us: Final = since_us

    @property
    def is_full(self) -> bool:
        return not self.since_us

    @property
    def days(self) -> Mapping[str, int]:
        return {name: part.day_start_at for name, part in self._parts.items() if part is not None}

    async def sealed_part(self, environment: str, *, is_anew: bool) -> SealedPart | None:
        if is_anew or environment not in self._parts:
            self._parts[environment] = await read_sealed_part(
                self._database, environment, now_us=self._now_us
            )
        return self._parts[environment]


async def open_basis(database: Database, *, is_full: bool, now_us: int) -> ProofBasis:
    proved_at = None if is_full else await database.read(partial(last_good, until=now_us))
    since_us = max(0, (proved_at or 0) - SETTLED_US)
    return ProofBasis(database, since_us=since_us, now_us=now_us)
