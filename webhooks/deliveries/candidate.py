"""Find which endpoints have something due that their pace allows, and when the others will. Pure."""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from kernel.clock import SECOND_US
from store.database import Row
from webhooks.deliveries import pace

# A sandbox account may send this much over its two endpoints: 15 at once, then one in four seconds each, at
# most 60 in any minute.
SANDBOX_PACE: Final = pace.Pace(interval_us=4 * SECOND_US, burst=15)
# No pace makes an endpoint wait longer for its next turn.
TURN_US_MAX: Final = SANDBOX_PACE.interval_us

# The pace of what a disabled endpoint held, beside new events: a recovered receiver isn't met with a week of
# events at once.
DRAIN_PACE: Final = pace.per_second(50)
# One more than may go at once shows that there is more.
HELD_IDS_MAX: Final = DRAIN_PACE.burst + 1
# The precision of an endpoint's claimed_at; each update costs a write.
CLAIMED_US_MAX: Final = 10 * SECOND_US

Paces = tuple[str, int, int]  # endpoint id, rate_tat_us, drain_tat_us


class Candidate(NamedTuple):
    """An endpoint with something due: ids and claim numbers of the longest due, a bounded number.

    held: those that were due before it was enabled again, at enabled_at.
    """

    endpoint_id: str
    account_id: str
    is_failing: bool
    due: dict[str, int]
    held: dict[str, int]
    enabled_at: int | None


def candidates_of(
    rows: Sequence[Row], *, exclude_ids: Collection[str] = (), now_us: int
) -> tuple[list[Candidate], int | None]:
    """Return what may be claimed now, and when the next row or turn comes. exclude_ids: those that wait for
    others.
    """
    candidates = []
    next_at_us = None
    for row in rows:
        next_at_us = earliest(next_at_us, row["next_at"])
        due, held = numbers_of(row["due"], exclude_ids), numbers_of(row["held"], exclude_ids)
        if not due and not held:
            continue
        # Not more than the pace allows, or slots would be reserved for what can't go.
        allowed, _, turn_us = _allowed(row, len(due), len(held), now_us=now_us)
        next_at_us = earliest(next_at_us, turn_us)
        due, held = _first(due, allowed[0]), _first(held, allowed[1])
        if due or held:
            is_failing = row["failing_since_at"] is not None
            candidates.append(
                Candidate(row["id"], row["account_id"], is_failing, due, held, row["enabled_at"])
            )
    return candidates, next_at_us


def numbers_of(due: str | None, exclude_ids: Collection[str] = ()) -> dict[str, int]:
    """Parse "id:number id:number" into claim numbers by id, without exclude_ids; null is none."""
    if not due:
        return {}
    pairs = (pair.split(":") for pair in due.split(" "))
    found = {id_: int(number) for id_, number in pairs}
    return {id_: found[id_] for id_ in found if id_ not in exclude_ids} if exclude_ids else found


def within_pace(
    by_endpoint: Mapping[str, list[str]],
    endpoints: Mapping[str, Row],
    held_ids: Collection[str],
    *,
    now_us: int,
) -> tuple[list[str], list[Paces], int | None]:
    """Return the ids that their endpoints' paces allow, the new paces and claim times to store, and the next
    turn.
    """
    ids: list[str] = []
    paces: list[Paces] = []
    next_turn_us = None
    for endpoint_id, row in endpoints.items():
        due = [id_ for id_ in by_endpoint[endpoint_id] if id_ not in held_ids]
        held = [id_ for id_ in by_endpoint[endpoint_id] if id_ in held_ids]
        allowed, tats, turn_us = _allowed(row, len(due), len(held), now_us=now_us)
        next_turn_us = earliest(next_turn_us, turn_us)
        ids += [*due[: allowed[0]], *held[: allowed[1]]]
        claimed_at = row["claimed_at"]
        is_stale = claimed_at is None or now_us - claimed_at >= CLAIMED_US_MAX
        if is_stale or tats != (row["rate_tat_us"], row["drain_tat_us"]):
            paces.append((endpoint_id, *tats))
    return ids, paces, next_turn_us


def ready_at_of(row: Row, *, fresh_at: int | None, held_at: int | None) -> int | None:
    """Return when the first of an endpoint's deliveries may go by its paces, or null if it has none.

    It is never later than the delivery goes, whatever is claimed meanwhile. held_at: when the first of those
    from before it was enabled again is due; fresh_at: of the others.
    """
    if held_at is not None:
        held_at = max(held_at, DRAIN_PACE.next_turn_us(row["drain_tat_us"]))
    first_at = earliest(fresh_at, held_at)
    own = _pace_of(row)
    if first_at is None or own is None:
        return first_at
    return max(first_at, own.next_turn_us(row["rate_tat_us"]))


def not_before(rate_limit_per_s: int | None, rate_tat_us: int) -> int:
    """Return the time before which an endpoint's own pace lets nothing go, whether its account is a sandbox
    or not.
    """
    if rate_limit_per_s is None:
        return 0
    own = pace.per_second(rate_limit_per_s)
    # A sandbox's pace runs further ahead, and lets more go at once.
    as_sandbox = pace.slower(own, SANDBOX_PACE)
    return min(own.next_turn_us(rate_tat_us), as_sandbox.next_turn_us(rate_tat_us))


def earliest(one: int | None, other: int | None) -> int | None:
    """Treat null as never."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _allowed(
    row: Row, due: int, held: int, *, now_us: int
) -> tuple[tuple[int, int], tuple[int, int], int | None]:
    """Return how many of each may go now, the arrival times after them, and the turn of the next.

    The turn is null if no pace holds anything back. New deliveries go before held ones.
    """
    turn_us = None
    rate_tat_us, drain_tat_us = row["rate_tat_us"], row["drain_tat_us"]
    may_drain, _ = DRAIN_PACE.take(drain_tat_us, now_us=now_us, wanted=held)
    if (own := _pace_of(row)) is not None:
        count, rate_tat_us = own.take(rate_tat_us, now_us=now_us, wanted=due + may_drain)
        if count < due + may_drain:
            turn_us = own.next_turn_us(rate_tat_us)
        due = min(due, count)
        may_drain = count - due
    drained, drain_tat_us = DRAIN_PACE.take(drain_tat_us, now_us=now_us, wanted=may_drain)
    if drained < held and turn_us is None:
        turn_us = DRAIN_PACE.next_turn_us(drain_tat_us)
    return (due, drained), (rate_tat_us, drain_tat_us), turn_us


def _first(numbers: dict[str, int], count: int) -> dict[str, int]:
    return numbers if count >= len(numbers) else dict(islice(numbers.items(), count))


def _pace_of(row: Row) -> pace.Pace | None:
    own = None
    if row["rate_limit_per_s"] is not None:
        own = pace.per_second(row["rate_limit_per_s"])
    if row["is_sandbox"]:
        return SANDBOX_PACE if own is None else pace.slower(own, SANDBOX_PACE)
    return own
