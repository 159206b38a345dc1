"""Which endpoints have something due that their pace allows: pure, between the claim's statements."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from kernel.clock import SECOND_US
from store.db import Row
from webhooks import pace

# What a sandbox account may have sent in a minute, over its two endpoints: 15 at once, then one in
# four seconds each, which is at most 60 in any minute.
SANDBOX_PACE: Final = pace.Pace(interval_us=4 * SECOND_US, burst=15)


class Offer(NamedTuple):
    """An endpoint with something due: ids and claim numbers of the longest due, a bounded number."""

    endpoint_id: str
    account_id: str
    is_failing: bool
    due: dict[str, int]


def offers_of(rows: Sequence[Row], *, now_us: int) -> tuple[list[Offer], int | None]:
    """What may be claimed now, and when the next row or turn comes."""
    offers = []
    next_at_us = None
    for row in rows:
        next_at_us = earliest(next_at_us, row["next_at"])
        if not row["due"]:
            continue
        due = _numbers(row["due"])
        if (paced := _pace_of(row)) is not None:
            # Not more than the pace allows, or slots would be set aside for what cannot go.
            count, tat_us = paced.take(row["rate_tat_us"], now_us=now_us, wanted=len(due))
            if count < len(due):
                next_at_us = earliest(next_at_us, paced.next_turn_us(tat_us))
                due = dict(islice(due.items(), count))
        if due:
            is_failing = row["failing_since_at"] is not None
            offers.append(Offer(row["id"], row["account_id"], is_failing, due))
    return offers, next_at_us


def within_pace(
    by_endpoint: Mapping[str, list[str]], locked: Mapping[str, Row], *, now_us: int
) -> tuple[list[str], list[tuple[str, int]], int | None]:
    """The ids of locked endpoints that their pace allows, the new arrival times, the next turn."""
    ids: list[str] = []
    tats: list[tuple[str, int]] = []
    next_turn_us = None
    for endpoint_id, row in locked.items():
        chosen = by_endpoint[endpoint_id]
        if (paced := _pace_of(row)) is not None:
            count, tat_us = paced.take(row["rate_tat_us"], now_us=now_us, wanted=len(chosen))
            chosen = chosen[:count]
            tats.append((endpoint_id, tat_us))
            next_turn_us = earliest(next_turn_us, paced.next_turn_us(tat_us))
        ids += chosen
    return ids, tats, next_turn_us


def earliest(one: int | None, other: int | None) -> int | None:
    """The smaller of two times; null is never."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _numbers(due: str) -> dict[str, int]:
    """Of "id:number id:number"."""
    pairs = (pair.split(":") for pair in due.split(" "))
    return {id_: int(number) for id_, number in pairs}


def _pace_of(row: Row) -> pace.Pace | None:
    own = None
    if row["rate_limit_per_s"] is not None:
        own = pace.per_second(row["rate_limit_per_s"])
    if row["is_sandbox"]:
        return SANDBOX_PACE if own is None else pace.slower(own, SANDBOX_PACE)
    return own
