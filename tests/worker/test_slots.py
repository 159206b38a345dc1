import resource
from collections.abc import Sequence

from hypothesis import given, strategies as st

from webhooks.deliveries.endpoint_queue import Candidate
from webhooks.deliveries.stage import Claimed, Target
from worker.dispatch import Slots, slots_of_process


def candidate(
    endpoint: str, count: int, *, account: str = "acc_1", is_failing: bool = False
) -> Candidate:
    return Candidate(
        endpoint,
        account,
        is_failing,
        {f"{endpoint}-{number}": 0 for number in range(count)},
        {},
        None,
    )


def claimed(chosen: Sequence[str], candidates: Sequence[Candidate]) -> list[Claimed]:
    by_id = {id_: one for one in candidates for id_ in one.due}
    return [
        Claimed(
            id_,
            "evt_1",
            "topup.delivered",
            by_id[id_].account_id,
            "staging",
            1,
            1,
            0,
            0,
            Target(
                by_id[id_].endpoint_id,
                "",
                b"",
                None,
                None,
                None,
                (0,),
                1 if by_id[id_].is_failing else None,
                by_id[id_].enabled_at,
            ),
            b"",
        )
        for id_ in chosen
    ]


def take(slots: Slots, candidates: Sequence[Candidate]) -> list[str]:
    chosen = slots.chooser()(candidates)
    slots.take(claimed(chosen, candidates))
    return chosen


def endpoints_of(chosen: Sequence[str]) -> list[str]:
    return [id_.rpartition("-")[0] for id_ in chosen]


def answer(slots: Slots, endpoint: str, count: int, *, error: str | None = None) -> None:
    for _ in range(count):
        duration_us = 10_000_000 if error == "timeout" else 1_000
        slots.answered(endpoint, error=error, duration_us=duration_us)
    slots.settled(count)


def widened(slots: Slots, endpoint: str, *, rounds: int = 6) -> None:
    """Success after success, until the endpoint's lane is wide."""
    for _ in range(rounds):
        count = len(take(slots, [candidate(endpoint, 1000)]))
        answer(slots, endpoint, count)


def test_a_new_endpoint_starts_with_four_and_doubles_with_each_round_of_success() -> None:
    slots = Slots(1000)
    widths = []
    for _ in range(8):
        chosen = take(slots, [candidate("we_1", 1000)])
        widths.append(len(chosen))
        answer(slots, "we_1", len(chosen))

    assert widths == [4, 8, 16, 32, 64, 128, 256, 500]


def test_two_timeouts_in_a_row_leave_one_slot_and_success_gives_it_back() -> None:
    slots = Slots(1000)
    widened(slots, "we_1")
    take(slots, [candidate("we_1", 2)])
    answer(slots, "we_1", 2, error="timeout")
    narrow = take(slots, [candidate("we_1", 100)])
    answer(slots, "we_1", 1)

    after = take(slots, [candidate("we_1", 100)])

    assert (len(narrow), len(after)) == (1, 2)


def test_fast_refusals_do_not_narrow_a_lane() -> None:
    slots = Slots(1000)
    take(slots, [candidate("we_1", 4)])
    answer(slots, "we_1", 4, error="http")

    assert len(take(slots, [candidate("we_1", 100)])) == 4


def test_failing_endpoints_share_half_of_all_slots() -> None:
    slots = Slots(100)
    dead = [candidate(f"we_{number:03}", 10, is_failing=True) for number in range(200)]

    assert len(take(slots, dead)) == 50
    assert take(slots, dead) == []


def test_endpoints_not_known_to_be_fast_leave_a_quarter_to_those_that_are() -> None:
    slots = Slots(100)
    widened(slots, "we_fast")
    unknown = [candidate(f"we_{number:03}", 10) for number in range(200)]

    first = take(slots, unknown)
    rest = take(slots, [*unknown, candidate("we_fast", 1000)])

    assert len(first) == 75
    assert set(endpoints_of(rest)) == {"we_fast"}
    assert len(rest) == 25


def test_each_account_gets_a_turn_before_any_gets_its_second() -> None:
    slots = Slots(8)
    candidates = [
        candidate("we_a1", 9, account="acc_a"),
        candidate("we_a2", 9, account="acc_a"),
        candidate("we_b1", 9, account="acc_b"),
    ]

    chosen = slots.chooser()(candidates)

    assert endpoints_of(chosen) == ["we_a1", "we_b1", "we_a2", "we_b1", "we_a1", "we_b1"]


def test_the_next_round_begins_after_the_last_turn() -> None:
    slots = Slots(1)
    candidates = [candidate(f"we_{name}", 9, account=f"acc_{name}") for name in "abc"]
    turns = []
    for _ in range(5):
        chosen = take(slots, candidates)
        turns += endpoints_of(chosen)
        answer(slots, chosen[0].rpartition("-")[0], 1)

    assert turns == ["we_a", "we_b", "we_c", "we_a", "we_b"]


def test_an_accounts_endpoints_take_turns_too() -> None:
    slots = Slots(1)
    candidates = [candidate(f"we_{name}", 9) for name in "abc"]
    turns = []
    for _ in range(4):
        chosen = take(slots, candidates)
        turns += endpoints_of(chosen)
        answer(slots, chosen[0].rpartition("-")[0], 1)

    assert turns == ["we_a", "we_b", "we_c", "we_a"]


def test_a_slot_is_held_until_the_outcome_is_written() -> None:
    slots = Slots(4)
    take(slots, [candidate("we_1", 2)])

    slots.answered("we_1", error=None, duration_us=1)
    assert slots.free == 2
    slots.settled(1)
    assert slots.free == 3


def test_idle_endpoints_are_forgotten_and_busy_ones_are_not() -> None:
    slots = Slots(1000)
    take(slots, [candidate("we_busy", 1)])
    for number in range(10_050):
        name = f"we_{number}"
        take(slots, [candidate(name, 1)])
        answer(slots, name, 1)

    assert len(slots._windows) <= 10_001
    assert slots._windows["we_busy"].under_way == 1


@given(
    total=st.integers(1, 50),
    sizes=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40), st.booleans()), max_size=20),
)
def test_a_choice_never_exceeds_what_is_free_or_offered(
    total: int, sizes: list[tuple[int, int, bool]]
) -> None:
    slots = Slots(total)
    candidates = [
        candidate(f"we_{number}", count, account=f"acc_{account}", is_failing=is_failing)
        for number, (account, count, is_failing) in enumerate(sizes)
    ]

    chosen = slots.chooser()(candidates)

    assert len(chosen) == len(set(chosen)) <= total
    assert set(chosen) <= {id_ for one in candidates for id_ in one.due}
    failing = {one.endpoint_id for one in candidates if one.is_failing}
    assert sum(name in failing for name in endpoints_of(chosen)) <= max(1, total // 2)


def test_the_process_has_no_more_slots_than_its_descriptors_allow() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    slots = slots_of_process(10)

    assert 8 <= slots <= 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(soft, 84)


def test_an_endpoint_that_is_enabled_again_starts_with_one_and_doubles() -> None:
    slots = Slots(1000)
    widened(slots, "we_1")
    again = candidate("we_1", 1000)._replace(enabled_at=7)
    widths = []
    for _ in range(4):
        chosen = take(slots, [again])
        widths.append(len(chosen))
        answer(slots, "we_1", len(chosen))

    assert widths == [1, 2, 4, 8]


def test_what_was_under_way_before_it_was_enabled_counts_too() -> None:
    slots = Slots(1000)
    take(slots, [candidate("we_1", 3)])
    again = candidate("we_1", 1000)._replace(enabled_at=7)

    assert take(slots, [again]) == []
    answer(slots, "we_1", 3)
    assert len(take(slots, [again])) == 1


def test_what_was_held_gets_the_slots_that_are_left() -> None:
    slots = Slots(1000)
    both = candidate("we_1", 3)._replace(held={"held-1": 0, "held-2": 0})

    assert slots.chooser()([both]) == ["we_1-0", "we_1-1", "we_1-2", "held-1"]


def test_a_lane_is_full_until_one_of_its_requests_ends() -> None:
    slots = Slots(1000)
    take(slots, [candidate("we_1", 4), candidate("we_2", 3)])
    before = slots.full()

    slots.answered("we_1", error="http", duration_us=1)

    assert (before, slots.full()) == (frozenset({"we_1"}), frozenset())
