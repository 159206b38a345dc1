"""Seal the ledger's days with signed checkpoints, one after another.

Each transfer is in exactly one checkpoint. A transfer that is committed after its day was read goes into the next
checkpoint, unless it is older than LOOK_BACK_US. `topup checkpoints seal --look-back-days` looks back further.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import (
    CLAIMED_US,
    TILE,
    Checkpoint,
    ClaimLost,
    Leaf,
    Statement,
    digest_of,
)
from billing.checkpoints.jws import sign
from billing.checkpoints.merkle import (
    COLUMNS,
    HASHED_AT_ONCE,
    SealedTransfer,
    hash_of,
    of_row,
    root_of,
    salt_of,
)
from billing.checkpoints.signing_keys import signing_seed
from kernel.clock import DAY_US, HOUR_US, Clock, rfc3339
from kernel.ids import least_id, new_id
from keys.principal import ENVIRONMENTS
from keys.vault import Vault
from store.database import Database, Transaction

SEALED_AFTER_US: Final = HOUR_US
LOOK_BACK_US: Final = DAY_US + 2 * HOUR_US
# IDs contain their machine's time. A machine's clock may be this far ahead of the database's clock.
AHEAD_US: Final = HOUR_US
# To recognise transfers that are already sealed, read the IDs of this many earlier days.
DAYS_BEFORE: Final = 3
PAGE: Final = 2 * TILE
KEPT_AFTER_US: Final = CLAIMED_US // 4
_PAGE: Final = f"""
SELECT {COLUMNS} FROM transfers WHERE id > :after AND id < :before ORDER BY id LIMIT {PAGE}
"""

_log = logging.getLogger(__name__)


# A function that returns the next transfers between two IDs (exclusive), in order.
ReadPage = Callable[[str, str], Awaitable[Sequence[SealedTransfer]]]


async def read_page(database: Database, after: str, before: str) -> Sequence[SealedTransfer]:
    rows = await database.read(lambda tx: tx.fetch(_PAGE, after=after, before=before))
    return [of_row(row) for row in rows]


class Sealer:
    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        *,
        pause_s: float = 0.0,
        next_page: ReadPage | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._pause_s = pause_s
        self._next_page = next_page or partial(read_page, database)

    async def seal_due(self, *, look_back_days: int = 0) -> list[Checkpoint]:
        """Seal every due day. To find late transfers, look back LOOK_BACK_US plus `look_back_days`."""
        await self._database.transaction(
            lambda tx: signing_seed(tx, self._vault, now_us=self._clock.now_us())
        )
        sealed: list[Checkpoint] = []
        for environment in ENVIRONMENTS:
            while (day := await self._due(environment)) is not None:
                try:
                    sealed.append(await self._seal(environment, day, look_back_days))
                except ClaimLost:
                    break
        return sealed

    async def _due(self, environment: str) -> int | None:
        day = await self._database.read(lambda tx: checkpoint.next_day(tx, environment))
        is_over = day is not None and day + DAY_US + SEALED_AFTER_US <= self._clock.now_us()
        return day if is_over else None

    async def _seal(self, environment: str, day: int, look_back_days: int) -> Checkpoint:
        claimed_by = new_id("seal")
        seed = await self._database.transaction(
            lambda tx: checkpoint.claim(
                tx, environment, day, by=claimed_by, now_us=self._clock.now_us()
            )
        )
        last = await self._database.read(lambda tx: checkpoint.last_sealed(tx, environment))
        walk = _Walk(environment, day, claimed_by, seed, last, look_back_days * DAY_US)
        await checkpoint.remove(self._database, environment, day)
        days, low, high = walk.days, walk.low, least_id("trf", day + DAY_US + AHEAD_US)
        before_id = await self._database.read(
            lambda tx: checkpoint.last_id(tx, environment, days=days)
        )
        while found := await self._next_page(low, high):
            low = found[-1].id
            await self._take(walk, found, before_id)
            if self._clock.now_us() - walk.kept_at > KEPT_AFTER_US:
                await self._database.transaction(
                    partial(self._extend_claim, walk=walk), durable=False
                )
            await asyncio.sleep(self._pause_s)
        sealed = await self._database.transaction(partial(self._finish, walk=walk))
        fields = {"environment": environment, "day": sealed.day, "transfers": sealed.size}
        _log.info("checkpoint.sealed", extra=fields)
        if sealed.late:
            _log.warning("checkpoint.late", extra={**fields, "late": sealed.late})
        return sealed

    async def _take(self, walk: "_Walk", found: Sequence[SealedTransfer], before_id: str) -> None:
        end = walk.day + DAY_US
        fits = [
            one for one in found if one.environment == walk.environment and one.created_at < end
        ]
        if fits and fits[0].id <= before_id:
            known = await self._database.read(partial(walk.known, fits=fits))
            fits = [one for one in fits if one.id not in known]
        for at in range(0, len(fits), HASHED_AT_ONCE):
            walk.add(fits[at : at + HASHED_AT_ONCE])
            await asyncio.sleep(0)
        if whole := walk.whole_tiles():
            await self._database.transaction(
                partial(self._write, walk=walk, pieces=whole), durable=False
            )
            walk.written([root_of([leaf.hash for leaf in piece]) for piece in whole])

    async def _write(
        self, tx: Transaction, *, walk: "_Walk", pieces: Sequence[Sequence[Leaf]]
    ) -> None:
        await self._extend_claim(tx, walk)
        numbered = list(enumerate(pieces, start=len(walk.roots)))
        await checkpoint.insert_leaves(tx, walk.environment, walk.day, numbered)

    async def _extend_claim(self, tx: Transaction, walk: "_Walk") -> None:
        now_us = self._clock.now_us()
        until = now_us + CLAIMED_US
        await checkpoint.extend_claim(
            tx, walk.environment, walk.day, by=walk.claimed_by, until=until
        )
        walk.kept_at = now_us

    async def _finish(self, tx: Transaction, *, walk: "_Walk") -> Checkpoint:
        now_us = self._clock.now_us()
        await self._extend_claim(tx, walk)
        roots = list(walk.roots)
        if walk.rest:
            numbered = [(len(roots), walk.rest)]
            await checkpoint.insert_leaves(tx, walk.environment, walk.day, numbered)
            roots.append(root_of([leaf.hash for leaf in walk.rest]))
        root = await checkpoint.insert_roots(tx, walk.environment, walk.day, roots)
        statement = Statement(
            environment=walk.environment,
            day=checkpoint.day_text(walk.day),
            size=walk.size,
            late=walk.late,
            root=root.hex(),
            previous=None if walk.last is None else walk.last.digest.hex(),
            sealed_at=rfc3339(now_us),
        ).encoded()
        seed = await signing_seed(tx, self._vault, now_us=now_us)
        sealed = Checkpoint(
            walk.environment,
            walk.day,
            walk.seed,
            walk.size,
            walk.late,
            root,
            digest_of(statement),
            sign(statement, typ=checkpoint.TYP, seed=seed),
            now_us,
        )
        await checkpoint.seal(tx, sealed)
        return sealed


class _Walk:
    def __init__(
        self,
        environment: str,
        day: int,
        claimed_by: str,
        seed: bytes,
        last: Checkpoint | None,
        further_us: int,
    ) -> None:
        self.environment = environment
        self.day = day
        self.claimed_by = claimed_by
        self.seed = seed
        self.last = last
        self.roots: list[bytes] = []
        self.rest: list[Leaf] = []
        self.late = 0
        self.kept_at = 0  # microseconds
        back_us = LOOK_BACK_US + further_us
        self.low = "" if last is None else least_id("trf", max(0, day - back_us))
        self.days = (day - DAYS_BEFORE * DAY_US - further_us, day)

    @property
    def size(self) -> int:
        return len(self.roots) * TILE + len(self.rest)

    async def known(self, tx: Transaction, fits: Sequence[SealedTransfer]) -> set[str]:
        ids = (fits[0].id, fits[-1].id)
        return await checkpoint.sealed_ids(tx, self.environment, days=self.days, ids=ids)

    def add(self, found: Sequence[SealedTransfer]) -> None:
        self.rest += [Leaf(one.id, hash_of(one, salt_of(self.seed, one.id))) for one in found]
        if self.last is not None:
            self.late += sum(one.created_at < self.day for one in found)

    def whole_tiles(self) -> list[list[Leaf]]:
        whole = len(self.rest) // TILE * TILE
        return [self.rest[at : at + TILE] for at in range(0, whole, TILE)]

    def written(self, roots: Sequence[bytes]) -> None:
        self.roots += roots
        self.rest = self.rest[len(roots) * TILE :]


class SealingStatus(NamedTuple):
    environment: str
    last_day: int | None
    late: int
    due_at: int | None


async def standings(tx: Transaction) -> list[SealingStatus]:
    found: list[SealingStatus] = []
    for environment in ENVIRONMENTS:
        last = await checkpoint.last_sealed(tx, environment)
        day = await checkpoint.next_day(tx, environment)
        found.append(
            SealingStatus(
                environment,
                None if last is None else last.day_start_at,
                0 if last is None else last.late,
                None if day is None else day + DAY_US + SEALED_AFTER_US,
            )
        )
    return found


__all__ = ["ClaimLost", "Sealer", "SealingStatus", "standings"]
