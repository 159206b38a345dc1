"""Where steps lie in time, and how their times read."""

import pytest

from gateway.html.chart import Stretch, axis_of
from gateway.html.format import elapsed

MS, S = 1_000, 1_000_000


@pytest.mark.parametrize(
    ("microseconds", "words"),
    [
        (0, "0 ms"),
        (1_649, "1.6 ms"),
        (9_000, "9 ms"),
        (12_400, "12 ms"),
        (999_999, "999 ms"),
        (1_204_000, "1.204 s"),
        (10 * S, "10 s"),
        (95 * S, "1 min 35 s"),
        (11_100 * S, "3 h 5 min"),
        (2 * 86_400 * S + 4 * 3_600 * S, "2 d 4 h"),
    ],
)
def test_elapsed_reads_as_people_say_it(microseconds: int, words: str) -> None:
    assert elapsed(microseconds) == words


def test_bars_lie_on_a_logarithmic_axis_and_within_it() -> None:
    # log10(1 + 999) = 3: 9 ms is at a third of it, 99 ms at two thirds.
    axis = axis_of([5 * S, 5 * S + 999 * MS])

    assert axis.bar(5 * S + 9 * MS, 5 * S + 99 * MS) == Stretch(33.33, 33.33)
    assert axis.bar(5 * S, 5 * S + 999 * MS) == Stretch(0.0, 100.0)
    # A moment is seen, at the very end too; what lies outside is drawn at the edge.
    assert axis.bar(5 * S + 999 * MS, 5 * S + 999 * MS) == Stretch(98.8, 1.2)
    assert axis.bar(0, 9 * S) == Stretch(0.0, 100.0)
    assert [time_us for _, time_us in axis.ticks()] == [10 * MS, 100 * MS]
    assert axis_of([7 * S]).bar(7 * S, 7 * S) == Stretch(0.0, 1.2)
    # Of ten million seconds not each power of ten has room for its word.
    assert len(axis_of([0, 10_000_000 * S]).ticks()) <= 6
