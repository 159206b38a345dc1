"""Seal rows into the record log in the order of their IDs, and sign a head after each pass.

A step writes its leaves and its progress in one transaction. If another sealer has written progress, the step starts
again.

A pass seals rows that are at least SETTLED_US old. To find rows that were committed late, it rereads the last
LOOK_BACK_US.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from billing.checkpoints.merkle import root_of
from billing.records import head, record_log, removal
from billing.records.head import RecordHead
from billing.records.kind import (
    DELIVERY,
    EVENT,
    SOURCES,
    Record,
    RecordLeaf,
    RecordSource,
    digest_of,
    leaf_of,
    read_after,
    read_ids,
    read_these,
)
from billing.records.record_log import TILE, RecordMark
from billing.records.removal import pruned_until
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, Clock, day_start_us
from kernel.ids import made_at
from keys.vault import Vault
from store.database import Database, Transaction

SETTLED_US: Final = 5 * MINUTE_US
LOOK_BACK_US: Final = 2 * HOUR_US
# SQLite has only one writer, so sends wait while a step is written. Small steps keep that wait short.
STEP_ROWS: Final = 2 * TILE

_log = logging.getLogger(__name__)


class _Step(NamedTuple):
    seen: RecordMark
    to: RecordMark
    first_tile: int
    leaves: Sequence[RecordLeaf]
    seeds: Mapping[tuple[str, int], bytes]
    begun: Sequence[tuple[str, str]]  # deliveries, accounts
    ended: Sequence[str]  # deliveries
    next_id: str


class RecordSealer:
    def __init__(
        self, database: Database, vault: Vault, clock: Clock, *, pause_s: float = 0.0
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._pause_s = pause_s

    async def seal_due(self) -> RecordHead | None:
        last = await self._database.read(head.last)
        if last is not None and last.sealed_at >= _hour_start(self._clock.now_us()):
            return None
        return await self.seal()

    async def seal(self, *, look_back_us: int = LOOK_BACK_US) -> RecordHead:
        now_us = self._clock.now_us()
        sealed_to = now_us - SETTLED_US
        await self._database.transaction(
            lambda tx: record_log.begin(tx, began_at=sealed_to, now_us=now_us)
        )
        await self._begin_day(day_start_us(now_us), sealed_to)
        last = await self._database.read(head.last)
        walked_to = sealed_to if last is None else min(sealed_to, last.sealed_to)
        for source in SOURCES:
            await self._take_late(source, walked_to - look_back_us)
            while await self._take(partial(self._read_next, source=source, before_us=sealed_to)):
                pass
        await self._take_ended()
        signed = await self._sign(sealed_to)
        await self._database.transaction(self._forget_seeds, durable=False)
        if signed.number > 1:
            fields = {"number": signed.number, "size": signed.size, "root": signed.root.hex()}
            _log.info("records.sealed", extra=fields)
        return signed

    async def _begin_day(self, day: int, sealed_to: int) -> None:
        while True:
            seen = await self._database.read(_mark)
            if seen.day_start_at >= day:
                return
            last = await self._database.read(head.last)
            covered = 0
            if last is not None and last.day_start_at == seen.day_start_at:
                covered = last.size
            if covered < seen.size:
                await self._sign(sealed_to)
                continue
            to = msgspec.structs.replace(seen, day_start_at=day, size=0)
            if await self._database.transaction(lambda tx: record_log.move(tx, seen, to)):  # noqa: B023
                return

    async def _take(self, read: Callable[[Transaction], Awaitable[_Step]]) -> str:
        """Repeat a step until it is written. Return the ID at which the next step starts."""
        while True:
            step = await self._database.read(read)
            is_news = step.leaves or step.begun or step.seen.after_ids != step.to.after_ids
            if not is_news or await self._database.transaction(
                partial(self._write, step=step), durable=False
            ):
                if is_news:
                    await asyncio.sleep(self._pause_s)
                return step.next_id

    async def _take_late(self, source: RecordSource, from_us: int) -> None:
        after = source.least(from_us)
        while after:
            after = await self._take(partial(self._read_late, source=source, after=after))

    async def _take_ended(self) -> None:
        after = await self._take(partial(self._read_waiting, after=""))
        while after:
            after = await self._take(partial(self._read_waiting, after=after))

    async def _read_next(self, tx: Transaction, *, source: RecordSource, before_us: int) -> _Step:
        seen = await _mark(tx)
        after = seen.after_ids.get(source.name) or source.least(seen.began_at)
        before = max(after, source.least(before_us))
        found = await read_after(tx, source, after, before, limit=STEP_ROWS)
        is_end = len(found) < STEP_ROWS
        step = await self._step(tx, seen, found, next_id="" if is_end else found[-1].id)
        walked = {**seen.after_ids, source.name: step.next_id or before}
        return step._replace(to=msgspec.structs.replace(step.to, after_ids=walked))

    async def _read_late(self, tx: Transaction, *, source: RecordSource, after: str) -> _Step:
        seen = await _mark(tx)
        upto = seen.after_ids.get(source.name, "")
        after = max(after, source.least(seen.began_at))
        ids = await read_ids(tx, source, after, upto)
        if not ids:
            return _nothing(seen)
        known = await known_ids(tx, source, (ids[0], ids[-1]), until_day=seen.day_start_at)
        late = [one for one in ids if one not in known]
        last_id = late[STEP_ROWS - 1] if len(late) > STEP_ROWS else ids[-1]
        found = await read_these(tx, source, late[:STEP_ROWS])
        if found:
            _log.warning("records.late", extra={"kind": source.name, "rows": len(found)})
        return await self._step(tx, seen, found, next_id=last_id)

    async def _read_waiting(self, tx: Transaction, *, after: str) -> _Step:
        seen = await _mark(tx)
        ids = await record_log.waiting_after(tx, after, limit=STEP_ROWS)
        found = [one for one in await read_these(tx, DELIVERY, ids) if one.content is not None]
        step = await self._step(tx, seen, found, next_id=ids[-1] if ids else "")
        return step._replace(ended=[one.id for one in found])

    async def _step(
        self, tx: Transaction, seen: RecordMark, found: Sequence[Record], *, next_id: str
    ) -> _Step:
        final = [one for one in found if one.content is not None]
        names = {(one.account_id, one.period) for one in final}
        seeds = await record_log.seeds(tx, names)
        made = {name: record_log.new_seed() for name in names if name not in seeds}
        seeds |= made
        leaves: list[RecordLeaf] = []
        number, rest = divmod(seen.size, TILE)
        if rest and final:
            (last,) = await record_log.page(tx, day=seen.day_start_at, from_number=number, limit=1)
            leaves += last.leaves
        for one in final:
            leaves.append(leaf_of(one, seeds[one.account_id, one.period]))
            if len(leaves) % 64 == 0:
                await tx.pause()
        to = msgspec.structs.replace(seen, size=seen.size + len(final))
        begun = [(one.id, one.account_id) for one in found if one.content is None]
        return _Step(seen, to, number, leaves if final else (), made, begun, (), next_id)

    async def _write(self, tx: Transaction, *, step: _Step) -> bool:
        if not await record_log.move(tx, step.seen, step.to):
            return False
        await record_log.insert_seeds(tx, step.seeds)
        await record_log.write(
            tx, step.to.day_start_at, step.first_tile, step.leaves, now_us=self._clock.now_us()
        )
        await record_log.wait_for(tx, step.begun)
        await record_log.end_waiting(tx, step.ended)
        return True

    async def _sign(self, sealed_to: int) -> RecordHead:
        while True:
            seen, roots = await self._database.read(_roots)
            signed = await self._database.transaction(
                partial(self._insert_head, seen=seen, root=root_of(roots), sealed_to=sealed_to)
            )
            if signed is not None:
                return signed

    async def _insert_head(
        self, tx: Transaction, *, seen: RecordMark, root: bytes, sealed_to: int
    ) -> RecordHead | None:
        if not await record_log.move(tx, seen, seen):
            return None
        return await head.insert(
            tx,
            self._vault,
            day=seen.day_start_at,
            size=seen.size,
            root=root,
            sealed_to=sealed_to,
            now_us=self._clock.now_us(),
        )

    async def _forget_seeds(self, tx: Transaction) -> None:
        await record_log.forget_seeds(tx, pruned_until=await pruned_until(tx))


async def known_ids(
    tx: Transaction, source: RecordSource, ids: tuple[str, str], *, until_day: int
) -> set[str]:
    first_day = day_start_us(made_at_us(ids[0])) - DAY_US
    known = await record_log.sealed_ids(tx, ids=ids, days=(first_day, until_day))
    if source is DELIVERY:
        known |= await record_log.waiting_among(tx, ids)
    return known


def made_at_us(id_: str) -> int:
    try:
        return made_at(id_)
    except ValueError:
        return 0


async def _mark(tx: Transaction) -> RecordMark:
    found = await record_log.read(tx)
    assert found is not None, "the log has begun"
    return found


async def _roots(tx: Transaction) -> tuple[RecordMark, Sequence[bytes]]:
    seen = await _mark(tx)
    return seen, await record_log.roots(tx, seen.day_start_at)


def _nothing(seen: RecordMark) -> _Step:
    return _Step(seen, seen, 0, (), {}, (), (), "")


def _hour_start(at_us: int) -> int:
    return at_us - at_us % HOUR_US


class RecordSealingStatus(NamedTuple):
    began_at: int
    head: RecordHead | None


async def record_standing(tx: Transaction) -> RecordSealingStatus | None:
    found = await record_log.read(tx)
    return None if found is None else RecordSealingStatus(found.began_at, await head.last(tx))


REPLAY_AFTER_US: Final = HOUR_US


def is_replay(event_id: str, *, delivery_created_at: int) -> bool:
    return delivery_created_at - made_at_us(event_id) > REPLAY_AFTER_US


async def is_as_sealed(tx: Transaction, event_id: str, body: bytes) -> bool:
    """Return whether the event's body matches its leaf. An event without a leaf is treated as unchanged."""
    day = day_start_us(made_at_us(event_id))
    leaf = await record_log.find(tx, event_id, days=(day, day + 2 * DAY_US))
    if leaf is None:
        return True
    found = await read_these(tx, EVENT, [event_id])
    seed = (await record_log.seeds(tx, {leaf.seed_name})).get(leaf.seed_name)
    if seed is None:
        pruned = (await removal.watermarks(tx)).get(removal.name_of(leaf))
        return pruned is not None and leaf.created_at < pruned.until_at
    content = found[0].content if found else None
    if content is None or body not in content:
        return False
    return digest_of(content, seed, event_id) == leaf.digest
