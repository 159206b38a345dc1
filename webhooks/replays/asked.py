"""A request for a replay, and which deliveries it means. Reads only."""

from dataclasses import dataclass, replace
from typing import Final

from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from store.database import Database, Transaction
from webhooks.deliveries.stage import FAILED
from webhooks.endpoints.fields import check_events
from webhooks.replays import alike, match
from webhooks.replays.alike import SameAnswer
from webhooks.replays.match import REPLAYED_STATUSES, Wanted

RATE_PER_S: Final = 50
RATE_PER_S_MAX: Final = 1_000

_ENDPOINT: Final = """
SELECT id FROM endpoints
WHERE id = :id AND account_id = :account_id AND environment = :environment AND deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReplay:
    """A replay to make. Null times mean from the first and until now; no events means all types.

    like is the id of a failed delivery: only deliveries with the same response are sent. ramp starts with
    one.
    """

    since_us: int | None = None
    until_us: int | None = None
    status: str = FAILED
    events: tuple[str, ...] = ()
    rate_per_s: int | None = None
    like: str | None = None
    ramp: bool = False


def rate_of(new: NewReplay) -> int:
    """Return the highest rate per second; raise InvalidInput."""
    if new.rate_per_s is None:
        return RATE_PER_S
    if not 1 <= new.rate_per_s <= RATE_PER_S_MAX:
        raise InvalidInput(f"`rate_per_s` must be from 1 to {RATE_PER_S_MAX}.", param="rate_per_s")
    return new.rate_per_s


async def load_wanted(
    database: Database, tenant: Tenant, endpoint_id: str, new: NewReplay, *, now_us: int
) -> Wanted:
    """Return what the replay matches if it is made now, including the response of `like`.

    Raises InvalidInput, and NotFound for the endpoint or for the delivery that `like` names.
    """
    wanted = wanted_of(tenant, endpoint_id, new, now_us=now_us)
    like = new.like
    if like is None:
        return wanted

    async def look(tx: Transaction) -> SameAnswer:
        await check_endpoint(tx, wanted)
        return await alike.answer_of(tx, tenant, endpoint_id, like)

    return replace(wanted, answer=await database.read(look))


def wanted_of(tenant: Tenant, endpoint_id: str, new: NewReplay, *, now_us: int) -> Wanted:
    """Return what the replay matches if it is made now, without `like`; raise InvalidInput."""
    if new.status not in REPLAYED_STATUSES:
        raise InvalidInput(f"`status` must be {' or '.join(REPLAYED_STATUSES)}.", param="status")
    if new.like is not None and new.status != FAILED:
        raise InvalidInput("`like` can only be combined with status failed.", param="like")
    rate_of(new)
    since_us = max(0, new.since_us or 0)
    until_us = now_us if new.until_us is None else min(new.until_us, now_us)
    if since_us >= until_us:
        raise InvalidInput("`since` must be before `until` and in the past.", param="since")
    types = tuple(check_events(new.events).split())
    return Wanted(*tenant, endpoint_id, new.status, types, since_us, until_us, now_us)


async def count(database: Database, wanted: Wanted) -> int:
    """Count the deliveries that a replay sends again; raise NotFound for its endpoint."""

    async def look(tx: Transaction) -> None:
        await check_endpoint(tx, wanted)

    await database.read(look)
    return await match.count(database, wanted)


async def check_endpoint(tx: Transaction, wanted: Wanted) -> None:
    found = await tx.fetch_one(
        _ENDPOINT,
        id=wanted.endpoint_id,
        account_id=wanted.account_id,
        environment=wanted.environment,
    )
    if found is None:
        raise NotFound("Webhook", param="id")
