"""How many requests may be under way at once: in all, and to each endpoint.

Promise: an endpoint that hangs holds few slots, endpoints that hang or fail together at most half of
all, and a quarter is always left to those that answer within a second. Invariant: choose() is pure
and fair by turns: each account gets one, within it each endpoint, before any gets its next.
"""

import resource
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from webhooks.deliveries.candidate import Offer
from webhooks.deliveries.stage import Claimed

SLOTS_MAX: Final = 1_000
SLOTS_MIN: Final = 8
# File descriptors for the database, Redis, logs and connections that are kept for reuse.
DESCRIPTORS_SPARED: Final = 64
DESCRIPTORS_PER_SLOT: Final = 2
# A new endpoint starts narrow and widens by one with each success, which doubles it per round trip.
# One that was enabled again starts with a single request: it may not be well yet.
ENDPOINT_SLOTS_FIRST: Final = 4
ENABLED_SLOTS_FIRST: Final = 1
HUNG_UNTIL_ONE: Final = 2
FAST_US_MAX: Final = 1_000_000
ENDPOINTS_REMEMBERED_MAX: Final = 10_000


def slots_of_process(slots_max: int = SLOTS_MAX) -> int:
    """What the process's limit of open files allows, at most slots_max; raises it where it may."""
    wanted = DESCRIPTORS_SPARED + DESCRIPTORS_PER_SLOT * slots_max
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return slots_max
    return max(SLOTS_MIN, min(slots_max, (soft - DESCRIPTORS_SPARED) // DESCRIPTORS_PER_SLOT))


@dataclass(slots=True)
class _Lane:
    """What is known of one endpoint."""

    width: int
    under_way: int = 0
    hung: int = 0  # slow failures, such as timeouts, in a row
    is_failing: bool = False
    is_fast: bool = False
    enabled_at: int | None = None  # what it knows was learnt since then


class Slots:
    """The slots of one worker; every claimed delivery holds one from its claim until it is settled.

    An endpoint's own count ends with its request, so that a slow database narrows nobody's lane.
    """

    def __init__(self, total: int) -> None:
        assert total >= 1, "a worker has slots"
        self.total = total
        self.held = 0
        self._lane_max = max(1, total // 2)
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()
        self._busy: set[str] = set()
        self._last = ("", "")

    @property
    def free(self) -> int:
        return self.total - self.held

    @property
    def failing_room(self) -> int:
        """How many more requests endpoints that fail may have under way."""
        under_way = (
            one.under_way for one in map(self._lanes.__getitem__, self._busy) if one.is_failing
        )
        return max(1, self.total // 2) - sum(under_way)

    def full(self) -> frozenset[str]:
        """The endpoints that may have no more requests under way, until one of theirs ends."""
        lanes = self._lanes
        return frozenset(id_ for id_ in self._busy if lanes[id_].under_way >= lanes[id_].width)

    def room_at_once(self, endpoint_id: str) -> int:
        """How many requests an endpoint may have that nobody need be weighed against.

        0 unless it is known to answer well, and nothing at all is under way.
        """
        lane = self._lanes.get(endpoint_id)
        if lane is None or self.held or not lane.is_fast or lane.enabled_at is not None:
            return 0
        return min(lane.width, self.total)

    def take(self, claimed: Sequence[Claimed]) -> None:
        """These deliveries were claimed, as chosen by chooser()."""
        for one in claimed:
            lane = self._lane(one.target.id)
            if lane.enabled_at != one.target.enabled_at:
                self._begin_again(lane, one.target.enabled_at)
            lane.under_way += 1
            # What other workers, or this one before it was started again, have seen.
            lane.is_failing |= one.target.failing_since_at is not None and not lane.is_fast
            self._busy.add(one.target.id)
        self.held += len(claimed)
        if claimed:
            # The one furthest round from the last turn: the next round begins after it.
            last = max(claimed, key=lambda one: _turn(self._last, one.account_id, one.target.id))
            self._last = (last.account_id, last.target.id)

    def answered(self, endpoint_id: str, *, error: str | None, duration_us: int) -> None:
        """Its request ended; error is the outcome's class, null for success."""
        lane = self.returned(endpoint_id)
        is_slow = error == "timeout" or duration_us > FAST_US_MAX
        lane.is_failing = error is not None
        lane.is_fast = error is None and not is_slow
        if error is None:
            lane.hung = 0
            lane.width = min(lane.width + 1, self._lane_max)
        elif is_slow:
            lane.hung += 1
            lane.width = 1 if lane.hung >= HUNG_UNTIL_ONE else max(1, lane.width // 2)
        else:
            lane.hung = 0

    def returned(self, endpoint_id: str) -> _Lane:
        """Its delivery is over without a request: nothing is learnt of the endpoint."""
        lane = self._lane(endpoint_id)
        lane.under_way -= 1
        if lane.under_way == 0:
            self._busy.discard(endpoint_id)
        return lane

    def settled(self, count: int) -> None:
        """So many deliveries are written."""
        self.held -= count
        assert self.held >= 0, "settled more than was claimed"

    def chooser(self) -> Callable[[Sequence[Offer]], list[str]]:
        """A choice on the present state; it may run in another thread, and again.

        Only one claim is under way at a time, so meanwhile lanes only empty: room can but grow.
        """
        lanes, last, free = self._lanes, self._last, self.free
        busy = [lanes[id_] for id_ in self._busy]
        failing_room = self.failing_room
        slow_room = self.total - self.total // 4
        slow_room -= sum(one.under_way for one in busy if not one.is_fast)
        unknown = _Lane(min(ENDPOINT_SLOTS_FIRST, self._lane_max))

        def choose(offers: Sequence[Offer]) -> list[str]:
            choices = []
            for offer in offers:
                lane = lanes.get(offer.endpoint_id, unknown)
                room = lane.width - lane.under_way
                if lane.enabled_at != offer.enabled_at:
                    room = ENABLED_SLOTS_FIRST - lane.under_way
                if room > 0:
                    is_failing = lane.is_failing or (offer.is_failing and not lane.is_fast)
                    choices.append(_Choice(offer, room, is_failing, lane.is_fast))
            return _by_turns(
                _by_account(choices, last),
                free=free,
                failing_room=failing_room,
                slow_room=slow_room,
            )

        return choose

    def _lane(self, endpoint_id: str) -> _Lane:
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            lane = self._lanes[endpoint_id] = _Lane(min(ENDPOINT_SLOTS_FIRST, self._lane_max))
            self._forget_idle()
        else:
            self._lanes.move_to_end(endpoint_id)
        return lane

    def _begin_again(self, lane: _Lane, enabled_at: int | None) -> None:
        lane.width, lane.hung, lane.enabled_at = ENABLED_SLOTS_FIRST, 0, enabled_at
        lane.is_failing = lane.is_fast = False

    def _forget_idle(self) -> None:
        while len(self._lanes) > ENDPOINTS_REMEMBERED_MAX:
            id_, lane = next(iter(self._lanes.items()))
            if lane.under_way:
                self._lanes.move_to_end(id_)
                return
            del self._lanes[id_]


class _Choice:
    """An endpoint that may get turns; `next` counts the ones it got."""

    __slots__ = ("ids", "is_failing", "is_fast", "next", "offer")

    def __init__(self, offer: Offer, room: int, is_failing: bool, is_fast: bool) -> None:  # noqa: FBT001
        self.offer = offer
        self.ids = list(islice(chain(offer.due, offer.held), room))
        self.is_failing = is_failing
        self.is_fast = is_fast
        self.next = 0


def _turn(last: tuple[str, str], account_id: str, endpoint_id: str) -> tuple[bool, str, bool, str]:
    """Sorts by account, then endpoint, beginning after those that had the last turn."""
    last_account, last_endpoint = last
    is_past = account_id == last_account and endpoint_id <= last_endpoint
    return (account_id <= last_account, account_id, is_past, endpoint_id)


def _by_account(choices: list[_Choice], last: tuple[str, str]) -> list[deque[_Choice]]:
    accounts: dict[str, deque[_Choice]] = {}
    choices.sort(key=lambda one: _turn(last, one.offer.account_id, one.offer.endpoint_id))
    for choice in choices:
        accounts.setdefault(choice.offer.account_id, deque()).append(choice)
    return list(accounts.values())


def _by_turns(
    accounts: list[deque[_Choice]], *, free: int, failing_room: int, slow_room: int
) -> list[str]:
    """The ids in the order of their turns."""
    chosen: list[str] = []
    while accounts and len(chosen) < free:
        for endpoints in accounts:
            if len(chosen) >= free:
                break
            while endpoints:
                choice = endpoints.popleft()
                is_barred = (choice.is_failing and failing_room <= 0) or (
                    not choice.is_fast and slow_room <= 0
                )
                if is_barred or choice.next >= len(choice.ids):
                    continue
                chosen.append(choice.ids[choice.next])
                choice.next += 1
                failing_room -= choice.is_failing
                slow_room -= not choice.is_fast
                endpoints.append(choice)
                break
        accounts = [endpoints for endpoints in accounts if endpoints]
    return chosen
