"""Find which endpoints have something due that their pace allows, and when the others will. Pure.

A pace is the generic cell rate algorithm (ITU-T I.371) on one stored number, the theoretical arrival time in
microseconds. In any second at most per_second + a tenth of it pass, and exactly per_second if that is 10 or
less.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from kernel.clock import SECOND_US
from store.database import Row

# The precision of an endpoint's claimed_at; each update costs a write.
CLAIMED_US_MAX: Final = 10 * SECOND_US
Paces = tuple[str, int, int]  # endpoint id, rate_tat_us, drain_tat_us


class Pace(NamedTuple):
    """One delivery each interval_us, and `burst` at once after a rest."""

    interval_us: int
    burst: int

    def next_turn_us(self, tat_us: int) -> int:
        return tat_us - (self.burst - 1) * self.interval_us

    def take(self, tat_us: int, *, now_us: int, wanted: int) -> tuple[int, int]:
        """Return how many of `wanted` may go now, and the arrival time after them."""
        start_us = max(tat_us, now_us)
        room_us = now_us + (self.burst - 1) * self.interval_us - start_us
        if room_us < 0 or not wanted:
            return 0, tat_us
        count = min(wanted, room_us // self.interval_us + 1)
        return count, start_us + count * self.interval_us


def per_second(rate: int) -> Pace:
    """Return `rate` a second; a tenth of it may go together, so that fast paces claim in batches."""
    assert rate >= 1, "a pace is at least one a second"
    return Pace(interval_us=SECOND_US // rate, burst=max(1, rate // 10))


def slower(one: Pace, other: Pace) -> Pace:
    return Pace(max(one.interval_us, other.interval_us), min(one.burst, other.burst))


# For a sandbox account's two endpoints: 15 at once, then one in four seconds each, at most 60 in any minute.
SANDBOX_PACE: Final = Pace(interval_us=4 * SECOND_US, burst=15)
# The longest wait for a next turn.
TURN_US_MAX: Final = SANDBOX_PACE.interval_us

# For what a disabled endpoint held, so that a recovered receiver doesn't get a week of events at once.
DRAIN_PACE: Final = per_second(50)
# One more than may go at once shows that there is more.
HELD_IDS_MAX: Final = DRAIN_PACE.burst + 1


class Candidate(NamedTuple):
    """An endpoint with something due: ids and claim numbers of the longest due, a bounded number.

    held: deliveries due before enabled_at.
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
    """Return what may be claimed now, and when the next row or turn comes.

    exclude_ids: deliveries that wait for others.
    """
    candidates = []
    next_at_us = None
    for row in rows:
        next_at_us = earliest(next_at_us, row["next_at"])
        due, held = numbers_of(row["due"], exclude_ids), numbers_of(row["held"], exclude_ids)
        if not due and not held:
            continue
        # More would reserve slots for what can't go.
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
    """Parse "id:number id:number" into claim numbers by id, without exclude_ids."""
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
    """Return the ids that the paces allow, the paces and claim times to store, and the next turn."""
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
    """Return the time before which an endpoint's own pace lets nothing go, for a sandbox account too."""
    if rate_limit_per_s is None:
        return 0
    own = per_second(rate_limit_per_s)
    # A sandbox's pace runs further ahead, and lets more go at once.
    as_sandbox = slower(own, SANDBOX_PACE)
    return min(own.next_turn_us(rate_tat_us), as_sandbox.next_turn_us(rate_tat_us))


def earliest(one: int | None, other: int | None) -> int | None:
    """Treat null as never."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _allowed(
    row: Row, due: int, held: int, *, now_us: int
) -> tuple[tuple[int, int], tuple[int, int], int | None]:
    """Return how many new and held deliveries may go now, the arrival times after them, and the next turn.

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


def _pace_of(row: Row) -> Pace | None:
    own = None
    if row["rate_limit_per_s"] is not None:
        own = per_second(row["rate_limit_per_s"])
    if row["is_sandbox"]:
        return SANDBOX_PACE if own is None else slower(own, SANDBOX_PACE)
    return own
