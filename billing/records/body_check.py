"""Whether the body that is about to be sent again is the one that was sealed.

Asked for replays alone: the event of a replay is old enough to be sealed, and a first delivery's is not. One read of
two small statements for each attempt of a replay; nothing for any other delivery.
"""

from typing import Final

from billing.records import mark, removal, tiles
from billing.records.kind import EVENT, read_these
from billing.records.leaf import digest_of
from billing.records.sealing import made_at_us
from kernel.clock import DAY_US, HOUR_US, day_start_us
from store.database import Transaction

# A delivery that was made so long after its event is a replay of it.
REPLAY_AFTER_US: Final = HOUR_US


def is_replay(event_id: str, *, delivery_created_at: int) -> bool:
    """Return whether a delivery was made long enough after its event that the event is sealed."""
    return delivery_created_at - made_at_us(event_id) > REPLAY_AFTER_US


async def is_as_sealed(tx: Transaction, event_id: str, body: bytes) -> bool:
    """Tell whether the event and the body are what was sealed. An event without a leaf or a salt counts as sealed."""
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
