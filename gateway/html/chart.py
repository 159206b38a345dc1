"""Draw a chart of numbers over time as SVG, beside a table. Lengths are in the picture's units (400 by 170)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import log10
from typing import Final

from gateway.html.format import count, dollars_of_micros, micros, money
from gateway.html.phrase import Phrase, counted, phrase
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, rfc3339
from store.activity import Activity

WIDTH: Final = 400
HEIGHT: Final = 170
_RIGHT, _TOP, _BOTTOM = 4, 12, 28
_FLOOR: Final = HEIGHT - _BOTTOM
_LABELS: Final = 5
# The space between a label and the picture, and the width of a label's widest character.
_GAP, _CHARACTER = 8, 8.0
_MICROS_PER_CENT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    tone: str
    statuses: tuple[str, ...] = ()


_BEFORE: Final = Series(phrase("in the same time before"), "before")


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Each of `rows` has a step's label, time and figures."""

    title: str
    span: str
    series: Sequence[Series]
    ticks: Sequence[tuple[float, str]]
    levels: Sequence[tuple[float, str]]
    rows: Sequence[tuple[str, str, Sequence[str]]]
    totals: Sequence[str]
    left: int
    is_empty: bool
    has: Sequence[bool] = ()
    bars: Sequence[Bar] = ()
    line: str = ""
    area: str = ""
    width: int = WIDTH
    height: int = HEIGHT


def bars(
    title: str, activity: Activity, series: Sequence[Series], before: Activity | None = None
) -> Chart:
    numbers = [
        [activity.count(start, *part.statuses) for part in series] for start in activity.starts
    ]
    if before is not None:
        known = [status for part in series for status in part.statuses]
        for column, start in zip(numbers, before.starts, strict=True):
            column.append(before.count(start, *known))
        series = (*series, _BEFORE)
    behind = len(series) - 1 if before is not None else len(series)
    top = _ceiling(max(max(sum(column[:behind]), *column[behind:], 0) for column in numbers))
    frame = _Frame(activity, left=_left_of(*_halves(top, count)))
    drawn: list[Bar] = []
    for place, column in enumerate(numbers):
        y = float(_FLOOR)
        for part, number in reversed([*zip(series, column, strict=True)][behind:]):
            drawn += frame.bars(place, part, number, top=top, floor=y)
        for part, number in [*zip(series, column, strict=True)][:behind]:
            drawn += frame.bars(place, part, number, top=top, floor=y)
            y -= number / top * (_FLOOR - _TOP)
    return frame.chart(
        title,
        series,
        top=top,
        show=count,
        figures=numbers,
        totals=[sum(column) for column in zip(*numbers, strict=True)],
        is_empty=not any(map(any, numbers)),
        bars=drawn,
    )


_SPENT: Final = Series(phrase("spent"), "calm")


def spend_bars(
    title: str, by_day: Mapping[int, int], *, since: int, until: int, series: Series = _SPENT
) -> Chart:
    days = range(since, until, DAY_US)
    spent = [by_day.get(day, 0) for day in days]
    top = _ceiling(max(spent))
    frame = _Frame(Activity(DAY_US, days, ()), left=_left_of(*_halves(top, dollars_of_micros)))
    drawn: list[Bar] = []
    for place, number in enumerate(spent):
        if number:
            height = round(number / top * (_FLOOR - _TOP), 1)
            x, width = frame.box(place)
            words = phrase(
                "%(time)s: %(number)s", time=frame.labels[place], number=partial(micros, number)
            )
            drawn.append(Bar(x, round(_FLOOR - height, 1), width, height, "calm", words))
    return frame.chart(
        title,
        [series],
        top=top,
        show=micros,
        show_level=dollars_of_micros,
        figures=[[number] for number in spent],
        totals=[sum(spent)],
        is_empty=not any(spent),
        bars=drawn,
    )


def balance_line(title: str, activity: Activity, *, now_micros: int) -> Chart:
    """Draw the balance at the end of each step, computed backwards from the current balance."""
    cents: list[int] = []
    left = now_micros
    for start in reversed(activity.starts):
        cents.append(max(0, left) // _MICROS_PER_CENT)
        left -= activity.sum_of(start)
    cents.reverse()
    top = _ceiling(max(cents))
    frame = _Frame(activity, left=_left_of(*_halves(top, _short_money)))
    points = [
        f"{frame.middle(place)},{round(_FLOOR - each / top * (_FLOOR - _TOP), 1)}"
        for place, each in enumerate(cents)
    ]
    corners = (f"{frame.middle(0)},{_FLOOR}", f"{frame.middle(len(cents) - 1)},{_FLOOR}")
    return frame.chart(
        title,
        [Series(phrase("now"), "calm")],
        top=top,
        show=money,
        show_level=_short_money,
        figures=[[each] for each in cents],
        totals=[cents[-1]],
        is_empty=not any(cents),
        line=" ".join(points),
        area=" ".join((corners[0], *points, corners[1])),
    )


class _Frame:
    def __init__(self, activity: Activity, *, left: int) -> None:
        self.starts = activity.starts
        self.labels = [_label(start, activity.step_us) for start in activity.starts]
        self._activity = activity
        self._left = left
        self._slot = (WIDTH - left - _RIGHT) / len(activity.starts)

    def middle(self, place: int) -> float:
        return round(self._left + self._slot * (place + 0.5), 1)

    def box(self, place: int, side: float = 0.14) -> tuple[float, float]:
        return round(self._left + self._slot * (place + side), 1), round(
            self._slot * (1 - 2 * side), 1
        )

    def bars(
        self, place: int, part: Series, number: int, *, top: int, floor: float
    ) -> Sequence[Bar]:
        if not number:
            return ()
        height = number / top * (_FLOOR - _TOP)
        words = phrase(
            "%(time)s: %(number)s %(series)s",
            time=self.labels[place],
            number=number,
            series=phrase(part.name),
        )
        x, width = self.box(place, 0.02 if part is _BEFORE else 0.14)
        return (Bar(x, round(floor - height, 1), width, round(height, 1), part.tone, words),)

    def chart(
        self,
        title: str,
        series: Sequence[Series],
        *,
        top: int,
        show: Callable[[int], str],
        show_level: Callable[[int], str] | None = None,
        figures: Sequence[Sequence[int]],
        totals: Sequence[int],
        is_empty: bool,
        bars: Sequence[Bar] = (),
        line: str = "",
        area: str = "",
    ) -> Chart:
        every = max(1, round(len(self.labels) / _LABELS))
        last = len(self.labels) - 1
        return Chart(
            title=title,
            span=_span(self._activity),
            series=series,
            ticks=[
                (self.middle(place), label)
                for place, label in enumerate(self.labels)
                if (last - place) % every == every // 2
            ],
            levels=[
                (
                    round(_FLOOR - half * (_FLOOR - _TOP) / 2, 1),
                    _figure(show_level or show, top * half // 2),
                )
                for half in (0, 1, 2)
            ],
            rows=[
                (label, rfc3339(start), [_figure(show, number) for number in numbers])
                for label, start, numbers in zip(self.labels, self.starts, figures, strict=True)
            ],
            totals=[_figure(show, number) for number in totals],
            has=[number != 0 for number in totals],
            left=self._left,
            is_empty=is_empty,
            bars=bars,
            line=line,
            area=area,
        )


def _halves(top: int, show: Callable[[int], str]) -> list[str]:
    return [show(top * half // 2) for half in (0, 1, 2)]


def _left_of(*labels: str) -> int:
    return _GAP + round(_CHARACTER * max(4, *map(len, labels)))


def _figure(show: Callable[[int], str], number: int) -> Phrase:
    return phrase("%(figure)s", figure=partial(show, number))


def _short_money(cents: int) -> str:
    return dollars_of_micros(cents * _MICROS_PER_CENT).removesuffix(".00")


def _ceiling(highest: int) -> int:
    """Return the round number at or above the highest figure, such as 2, 4, 6, 8, 10 or 20."""
    power = 1
    while True:
        for first in (2, 4, 6, 8, 10):
            if first * power >= highest:
                return first * power
        power *= 10


def _label(start: int, step_us: int) -> str:
    text = rfc3339(start)
    if step_us >= DAY_US:
        return text[5:10]
    return f"{text[8:10]}. {text[11:13]}h" if step_us > HOUR_US else text[11:16]


def _span(activity: Activity) -> str:
    steps = len(activity.starts)
    if activity.step_us >= DAY_US:
        return counted("last %(num)s day", "last %(num)s days", steps)
    length_us = steps * activity.step_us
    if length_us > 2 * HOUR_US:
        return counted("last %(num)s hour", "last %(num)s hours", length_us // HOUR_US)
    return counted("last %(num)s minute", "last %(num)s minutes", length_us // MINUTE_US)


def halves(activity: Activity) -> tuple[Activity, Activity]:
    half = len(activity.starts) // 2
    return (
        Activity(activity.step_us, activity.starts[:half], activity.rows),
        Activity(activity.step_us, activity.starts[half:], activity.rows),
    )


@dataclass(frozen=True, slots=True)
class Compared:
    now: int
    before: int
    span: str

    @property
    def percent(self) -> int | None:
        """Return the increase in percent, or None if the earlier figure is 0."""
        return round((self.now - self.before) * 100 / self.before) if self.before else None


def compared(activity: Activity, figure_of: Callable[[Activity, int], int]) -> Compared:
    before, now = (
        sum(figure_of(half, start) for start in half.starts) for half in halves(activity)
    )
    return Compared(now, before, _span(halves(activity)[1]))


WATERFALL_WIDTH: Final = 100.0
LEAST_WIDTH: Final = 1.2
_MS_US: Final = 1000
_TICKS: Final = (
    10 * _MS_US,
    100 * _MS_US,
    SECOND_US,
    10 * SECOND_US,
    MINUTE_US,
    10 * MINUTE_US,
    HOUR_US,
    10 * HOUR_US,
    DAY_US,
    10 * DAY_US,
    100 * DAY_US,
    1000 * DAY_US,
)
# The width of a word beside the axis on a phone.
_TICK_WIDTH: Final = 16.0


@dataclass(frozen=True, slots=True)
class Stretch:
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Axis:
    begin_us: int
    length_us: int

    def bar(self, at_us: int, until_us: int) -> Stretch:
        left, right = self._place(at_us - self.begin_us), self._place(until_us - self.begin_us)
        width = max(right - left, LEAST_WIDTH)
        return Stretch(round(min(left, WATERFALL_WIDTH - width), 2), round(width, 2))

    def ticks(self) -> Sequence[tuple[float, int]]:
        found: list[tuple[float, int]] = []
        for time_us in _TICKS:
            place = self._place(time_us)
            room = place - (found[-1][0] if found else 0)
            if (
                time_us <= self.length_us
                and room >= _TICK_WIDTH
                and place <= WATERFALL_WIDTH - _TICK_WIDTH / 2
            ):
                found.append((round(place, 2), time_us))
        return found

    def _place(self, since_us: int) -> float:
        whole = _weight(max(self.length_us, _MS_US))
        return WATERFALL_WIDTH * min(_weight(max(since_us, 0)) / whole, 1.0)


def axis_of(times_us: Sequence[int]) -> Axis:
    begin_us = min(times_us)
    return Axis(begin_us, max(times_us) - begin_us)


def _weight(microseconds: int) -> float:
    return log10(1 + microseconds / _MS_US)
