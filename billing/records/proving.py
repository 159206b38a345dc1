"""Compare the record log with the rows that it seals.

A missing row isn't reported if a signed removal statement covers it.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from billing.checkpoints.checkpoint import day_text, digest_of
from billing.checkpoints.jws import StatementRefused
from billing.checkpoints.merkle import root_of
from billing.checkpoints.proving import SealedDifference
from billing.checkpoints.signing_keys import by_kid, unsealed_keys
from billing.records import head, record_log, removal
from billing.records.head import RecordHead
from billing.records.kind import (
    NAMES,
    SOURCES,
    Record,
    RecordLeaf,
    RecordSource,
    count_after,
    digest_of as record_digest,
    read_ids,
    read_these,
    source_of,
)
from billing.records.record_log import TILE, RecordTile
from billing.records.removal import Removal
from billing.records.sealing import LOOK_BACK_US, known_ids
from kernel.clock import DAY_US, day_start_us, rfc3339
from keys.vault import Vault
from store.database import Database, Transaction

_TILES_AT_ONCE: Final = 8


class Unproved(NamedTuple):
    """Rows that can't be checked. Rows after `since` have no signed head yet. Rows before `before` have no leaf."""

    since: int
    before: int
    rows: Mapping[str, int]


class _Known(NamedTuple):
    keys: Mapping[str, bytes]
    watermarks: Mapping[tuple[str, str], Removal]


async def prove_records(
    database: Database, *, since_day: int = 0, vault: Vault | None = None
) -> AsyncIterator[SealedDifference]:
    """Yield differences between the record log and the rows.

    If a vault is given, also report signing keys that aren't encrypted with its master keys.
    """
    keys = await database.read(by_kid)
    if vault is not None:
        foreign = await database.read(partial(unsealed_keys, vault=vault))
        for kid in sorted(foreign):
            yield SealedDifference("a signing key is sealed by the master key", "", "", kid)
        keys = {kid: key for kid, key in keys.items() if kid not in foreign}
    watermarks = await database.read(removal.watermarks)
    for (kind, subject), one in sorted(watermarks.items()):
        if not one.is_signed(keys):
            yield SealedDifference("a watermark's signature holds", "", "", f"{kind} {subject}")
    known = _Known(keys, {name: one for name, one in watermarks.items() if one.is_signed(keys)})
    last: RecordHead | None = None
    for day in await database.read(partial(_days, since_day=since_day)):
        heads = await database.read(partial(_heads, day=day))
        async for finding in _heads_faults(database, heads, last, keys, is_first=since_day == 0):
            yield finding
        async for finding in _day(database, day, heads, known):
            yield finding
        last = heads[-1] if heads else last
    async for finding in _mark_faults(database, last):
        yield finding
    async for finding in _unsealed(database, since_day, last):
        yield finding


async def unproved(database: Database) -> Unproved:
    found = await database.read(record_log.read)
    last = await database.read(head.last)
    if found is None or last is None:
        return Unproved(0, 0, {})
    numbers: dict[str, int] = {}
    for source in SOURCES:
        after = found.after_ids.get(source.name) or source.least(found.began_at)
        number = await database.read(partial(_count, source=source, after=after))
        if source.name == "delivery":
            number += await database.read(record_log.count_waiting)
        numbers[source.name] = number
    return Unproved(last.sealed_to, found.began_at, numbers)


async def _count(tx: Transaction, *, source: RecordSource, after: str) -> int:
    return await count_after(tx, source, after)


async def _days(tx: Transaction, *, since_day: int) -> Sequence[int]:
    both = {
        *await record_log.days(tx, since_day=since_day),
        *await head.days(tx, since_day=since_day),
    }
    return sorted(both)


async def _heads(tx: Transaction, *, day: int) -> Sequence[RecordHead]:
    return await head.of_day(tx, day)


async def _heads_faults(
    database: Database,
    heads: Sequence[RecordHead],
    last: RecordHead | None,
    keys: Mapping[str, bytes],
    *,
    is_first: bool,
) -> AsyncIterator[SealedDifference]:
    for one in heads:
        day, row_id = day_text(one.day_start_at), str(one.number)
        try:
            said, payload = head.statement_of(one.jws, keys)
        except StatementRefused:
            yield SealedDifference("a head's signature holds", "", day, row_id)
            last = one
            continue
        is_row_signed = (
            *(said.number, said.day, said.size, said.root),
            *(said.sealed_to, said.sealed_at),
        ) == (
            one.number,
            day,
            one.size,
            one.root.hex(),
            rfc3339(one.sealed_to),
            rfc3339(one.sealed_at),
        )
        if not is_row_signed or digest_of(payload) != one.digest:
            yield SealedDifference("a head is what was signed", "", day, row_id)
        if last is None:
            is_chained = said.previous is None or not is_first
        else:
            is_chained = said.previous == last.digest.hex() and one.number == last.number + 1
        if not is_chained:
            yield SealedDifference("a head follows the one before it", "", day, row_id)
        for environment, digest in said.checkpoints.items():
            if digest is not None and not await database.read(
                partial(_has_checkpoint, environment=environment, digest=digest)
            ):
                rule = "a checkpoint that a head names is still there"
                yield SealedDifference(rule, environment, day, row_id)
        last = one


async def _has_checkpoint(tx: Transaction, *, environment: str, digest: str) -> bool:
    row = await tx.fetch_one(
        """SELECT 1 AS found FROM checkpoints
           WHERE environment = :environment AND digest = :digest""",
        environment=environment,
        digest=bytes.fromhex(digest),
    )
    return row is not None


async def _day(
    database: Database, day: int, heads: Sequence[RecordHead], known: _Known
) -> AsyncIterator[SealedDifference]:
    roots: list[bytes] = []
    waiting = list(heads)
    size = 0
    while some := await database.read(partial(_tiles, day=day, number=len(roots))):
        async for finding in _rows(database, some, known):
            yield finding
        for tile in some:
            hashes = [leaf.hash() for leaf in tile.leaves]
            while waiting and waiting[0].size <= size + len(hashes):
                one = waiting.pop(0)
                part = hashes[: one.size - size]
                if root_of([*roots, root_of(part)] if part else roots) != one.root:
                    yield _not_its_root(one)
            roots.append(root_of(hashes))
            size += len(hashes)
        if len(some[-1].leaves) < TILE:
            break
    for one in waiting:
        if one.size != size or root_of(roots) != one.root:
            yield _not_its_root(one)


def _not_its_root(one: RecordHead) -> SealedDifference:
    return SealedDifference(
        "a head's leaves make its root", "", day_text(one.day_start_at), str(one.number)
    )


async def _tiles(tx: Transaction, *, day: int, number: int) -> Sequence[RecordTile]:
    return await record_log.page(tx, day=day, from_number=number, limit=_TILES_AT_ONCE)


async def _rows(
    database: Database, some: Sequence[RecordTile], known: _Known
) -> AsyncIterator[SealedDifference]:
    leaves = [leaf for tile in some for leaf in tile.leaves]
    found, seeds = await database.read(partial(_found, leaves=leaves))
    faults = [(leaf, _fault(leaf, found.get(leaf.id), seeds)) for leaf in leaves]
    broken = [(leaf, rule) for leaf, rule in faults if rule]
    owners = {leaf.account_id for leaf, _ in broken}
    stones = await database.read(partial(removal.tombstones, account_ids=owners)) if owners else {}
    for stone in stones.values():
        if not stone.is_signed(known.keys):
            yield SealedDifference("a tombstone's signature holds", "", "", stone.subject)
    for leaf, rule in broken:
        is_gone = leaf.id not in found or leaf.seed_name not in seeds
        if not (is_gone and _is_explained(leaf, known, stones)):
            yield SealedDifference(rule, leaf.environment, day_text(some[0].day_start_at), leaf.id)


def _fault(leaf: RecordLeaf, row: Record | None, seeds: Mapping[tuple[str, int], bytes]) -> str:
    name = NAMES.get(leaf.kind, leaf.kind)
    if row is None:
        return f"a sealed {name} is still there"
    seed = seeds.get(leaf.seed_name)
    if seed is None:
        return f"the salt of a sealed {name} is still there"
    is_same = (
        row.content is not None
        and (row.kind, row.account_id, row.environment, row.created_at)
        == (leaf.kind, leaf.account_id, leaf.environment, leaf.created_at)
        and record_digest(row.content, seed, row.id) == leaf.digest
    )
    return "" if is_same else f"a sealed {name} is as it was"


def _is_explained(
    leaf: RecordLeaf, known: _Known, stones: Mapping[tuple[str, str], Removal]
) -> bool:
    pruned = known.watermarks.get(removal.name_of(leaf))
    if pruned is not None and leaf.created_at < pruned.until_at:
        return True
    stone = stones.get((removal.ACCOUNT, leaf.account_id))
    is_erased = stone is not None and stone.is_signed(known.keys)
    return is_erased and stone is not None and leaf.created_at < stone.until_at


async def _found(
    tx: Transaction, *, leaves: Sequence[RecordLeaf]
) -> tuple[Mapping[str, Record], Mapping[tuple[str, int], bytes]]:
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for leaf in leaves:
        ids[source_of(leaf.kind).name].append(leaf.id)
    found: dict[str, Record] = {}
    for name, some in ids.items():
        found |= {one.id: one for one in await read_these(tx, source_of(name), some)}
    return found, await record_log.seeds(tx, {leaf.seed_name for leaf in leaves})


async def _mark_faults(
    database: Database, last: RecordHead | None
) -> AsyncIterator[SealedDifference]:
    if last is None:
        return
    found = await database.read(record_log.read)
    day = day_text(last.day_start_at)
    is_behind = found is None or (found.day_start_at, found.size) < (last.day_start_at, last.size)
    if is_behind:
        yield SealedDifference("the log goes on from its last head", "", day, str(last.number))


async def _unsealed(
    database: Database, since_day: int, last: RecordHead | None
) -> AsyncIterator[SealedDifference]:
    found = await database.read(record_log.read)
    if found is None or last is None:
        return
    from_us = max(found.began_at, since_day - DAY_US)
    for source in SOURCES:
        after, upto = source.least(from_us), source.least(last.sealed_to - LOOK_BACK_US)
        while ids := await database.read(partial(_ids, source=source, after=after, upto=upto)):
            known = await database.read(
                partial(_known, source=source, ids=(ids[0], ids[-1]), until_day=last.day_start_at)
            )
            for id_ in ids:
                if id_ not in known:
                    day = day_text(day_start_us(last.sealed_at))
                    rule = f"an old {NAMES[source.name]} is sealed"
                    yield SealedDifference(rule, "", day, id_)
            after = ids[-1]


async def _ids(tx: Transaction, *, source: RecordSource, after: str, upto: str) -> Sequence[str]:
    return await read_ids(tx, source, after, upto)


async def _known(
    tx: Transaction, *, source: RecordSource, ids: tuple[str, str], until_day: int
) -> set[str]:
    return await known_ids(tx, source, ids, until_day=until_day)
