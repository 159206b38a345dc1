"""Check that a body to be sent again is the one that was sealed.

Only for replays: a first delivery's event isn't sealed yet. Costs two small statements an attempt.
"""

from typing import Final

from billing.records import mark, removal, tiles
from billing.records.kind import EVENT, read_these
from billing.records.leaf import digest_of
from billing.records.sealing import made_at_us
from kernel.clock import DAY_US, HOUR_US, day_start_us
from store.database import Transaction

# A delivery made this long after its event is a replay.
REPLAY_AFTER_US: Final = HOUR_US


def is_replay(event_id: str, *, delivery_created_at: int) -> bool:
    return delivery_created_at - made_at_us(event_id) > REPLAY_AFTER_US


async def is_as_sealed(tx: Transaction, event_id: str, body: bytes) -> bool:
    """Return whether the body is what was sealed; an event without a leaf or salt counts as sealed."""
    day = day_start_us(made_at_us(event_id))
    # Sealed within hours of its making, or as a late one.
    leaf = await tiles.find(tx, event_id, days=(day, day + 2 * DAY_US))
    if leaf is None:
        return True
    found = await read_these(tx, EVENT, [event_id])
    seed = (await mark.seeds(tx, {leaf.seed_name})).get(leaf.seed_name)
    if seed is None:
        pruned = (await removal.watermarks(tx)).get(removal.name_of(leaf))
        return pruned is not None and leaf.created_at < pruned.until_at
    content = found[0].content if found else None
    if content is None or body not in content:
        return False
    return digest_of(content, seed, event_id) == leaf.digest
