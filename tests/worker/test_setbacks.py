"""What failed waits alone, longer each time and never for good."""

from worker.woken_loop import ITEMS_MAX, Setbacks


class Stopwatch:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_an_item_waits_twice_as_long_each_time_and_five_minutes_at_most() -> None:
    watch = Stopwatch()
    setbacks = Setbacks(watch)
    waits = []

    for _ in range(12):
        setbacks.failed("a")
        waits.append(setbacks.next_s())
        assert setbacks.held_back() == ["a"]
        watch.now_s += waits[-1] or 0.0
        assert setbacks.held_back() == []

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_what_went_well_begins_anew_and_holds_up_nobody() -> None:
    watch = Stopwatch()
    setbacks = Setbacks(watch)
    setbacks.failed("a")
    setbacks.failed("b")
    setbacks.went_well("a", "never failed")

    assert setbacks.held_back() == ["b"]
    watch.now_s += 1
    assert setbacks.next_s() is None
    setbacks.failed("a")
    assert setbacks.next_s() == 1


def test_however_many_fail_a_bounded_number_is_remembered() -> None:
    setbacks = Setbacks(Stopwatch())

    for number in range(ITEMS_MAX + 10):
        setbacks.failed(f"{number:05}")

    assert len(setbacks.held_back()) == ITEMS_MAX
    assert setbacks.held_back()[0] == "00010"  # the ones that failed longest ago are forgotten
