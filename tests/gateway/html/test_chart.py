"""What charts draw, and how values read."""

from typing import Any

import pytest

from gateway.html.chart import Compared, Series, balance_line, bars, compared, halves
from gateway.html.format import count, duration, micros, money, notice_of, short, when
from kernel.clock import DAY_US, parse_rfc3339
from store.activity import Activity

DAY = parse_rfc3339("2026-06-13T00:00:00Z")
GOOD = Series("delivered", "good", ("delivered",))
BAD = Series("failed", "bad", ("failed", "cancelled"))


def activity(*rows: tuple[int, str, int, int]) -> Activity:
    """Two days; each row is day, state, number, sum."""
    listed: list[Any] = [
        {"step": DAY + day * DAY_US, "status": state, "number": number, "total": total}
        for day, state, number, total in rows
    ]
    return Activity(DAY_US, [DAY, DAY + DAY_US], listed)


def test_bars_stand_on_each_other() -> None:
    chart = bars(
        "Top-ups",
        activity((0, "delivered", 3, 0), (1, "failed", 1, 0), (1, "delivered", 1, 0)),
        [GOOD, BAD],
    )

    # The scale ends at 4; its 130 units are between y = 12 and y = 142.
    assert [(bar.tone, bar.y, bar.height) for bar in chart.bars] == [
        ("good", 44.5, 97.5),
        ("good", 109.5, 32.5),
        ("bad", 77.0, 32.5),
    ]
    assert chart.totals == ["4", "1"]
    assert chart.rows[1] == ("06-14", "2026-06-14T00:00:00Z", ["1", "1"])
    assert chart.bars[0].title == "06-13: 3 delivered"
    assert chart.span == "last 2 days"


def test_bars_stand_before_those_of_the_time_before() -> None:
    before, now = halves(
        activity((0, "delivered", 4, 0), (1, "delivered", 1, 0), (1, "failed", 1, 0))
    )

    chart = bars("Top-ups", now, [GOOD, BAD], before)

    # The scale ends at 4, so one is 32.5 units high and the day before reaches the top.
    assert [(bar.tone, bar.y, bar.height) for bar in chart.bars] == [
        ("before", 12.0, 130.0),
        ("good", 109.5, 32.5),
        ("bad", 77.0, 32.5),
    ]
    assert chart.bars[0].title == "06-14: 4 in the same time before"
    assert (chart.totals, chart.has) == (["1", "1", "4"], [True, True, True])
    assert chart.span == "last 1 day"


@pytest.mark.parametrize(
    ("earlier", "later", "percent"), [(200, 150, -25), (200, 300, 50), (0, 300, None)]
)
def test_a_figure_is_compared_with_the_time_before(
    earlier: int, later: int, percent: int | None
) -> None:
    done = activity((0, "delivered", 1, earlier), (1, "delivered", 1, later), (1, "failed", 1, 70))

    found = compared(done, lambda half, start: half.sum_of(start, "delivered"))

    assert found == Compared(now=later, before=earlier, span=found.span)
    assert (found.span, found.percent) == ("last 1 day", percent)


def test_no_bars_at_all_is_empty() -> None:
    assert bars("Top-ups", activity(), [GOOD]).is_empty


def test_the_balance_is_worked_out_backwards() -> None:
    chart = balance_line("Balance", activity((1, "moved", 2, -3_000_000)), now_micros=5_000_000)

    assert [row[2] for row in chart.rows] == [["$8.00"], ["$5.00"]]
    assert chart.totals == ["$5.00"]


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (money(1_234_567), "$12,345.67"),
        (money(-5), "−$0.05"),
        (money(None), "—"),
        (micros(1_234_500), "$1.2345"),
        (micros(-30_000_000), "−$30.00"),
        (count(1_234_567), "1,234,567"),
        (duration(0), "0 s"),
        (duration(90), "1 min 30 s"),
        (duration(259_200), "3 d"),
        (short("abcdefghij", 5), "ab…ij"),
        (str(when(None)), "—"),
        (
            str(when("2026-06-13T12:00:00.123Z")),
            (
                '<time datetime="2026-06-13T12:00:00.123Z" title="2026-06-13 12:00:00 UTC">'
                "2026-06-13 12:00:00 UTC</time>"
            ),
        ),
    ],
)
def test_values_read_well(shown: str, text: str) -> None:
    assert shown == text


def test_only_known_sentences_are_said() -> None:
    assert notice_of(b"said=funded") == "The test credit is in the wallet."
    assert notice_of(b"said=anything") is None
    assert notice_of(b"said=\xff") is None
    assert notice_of(b"") is None


@pytest.mark.parametrize(
    ("cents", "label"), [(88, "$1"), (1_234_567_800, "$20,000,000"), (500_000_000, "$6,000,000")]
)
def test_the_longest_label_of_an_axis_has_room_beside_it(cents: int, label: str) -> None:
    chart = balance_line("Balance", activity((0, "moved", 1, 0)), now_micros=cents * 10_000)

    assert chart.levels[-1][1] == label
    # The widest digit takes 7.9 units of the picture, and 8 are between label and picture.
    assert chart.left - 8 >= 7.9 * len(label)
    assert chart.left < chart.width / 3
