"""A large matrix of tests is sampled in a run of the suite, and run whole by `make prove`.

`@pytest.mark.sampled(3)` runs one case in three. The sample changes with each day (UTC) or is that of
TEST_SAMPLE, and covers every value of each parameter that it has room for, so each row and each column of a matrix
is there. A test that itself takes some of its guides says so by `Within(3, "guides")`, its `mark` and its `part`.
Tests of one `group=` draw alike, so that what they share is made for one database. Tests of one `of=` are the
cases of one matrix.
With TEST_PROVE, by the name of one test, and with --last-failed all cases run.
"""

import os
import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

import pytest

MARK: Final = "sampled"
PROVE: Final = "TEST_PROVE"
SEED: Final = "TEST_SAMPLE"
_One = TypeVar("_One")


def is_whole() -> bool:
    """Tell whether every case is to run: by TEST_PROVE, or since one test was named."""
    return bool(os.environ.get(PROVE))


def seed() -> str:
    """Return what the sample is drawn by; set for every process of the run by the first one that asks."""
    return os.environ.setdefault(SEED, datetime.now(UTC).date().isoformat())


def drawn(every: Sequence[_One], count: int, *, name: str) -> list[_One]:
    """Return so many of them in any order, the same ones for the same seed and name."""
    chosen = random.Random(f"{seed()} {name}")
    return chosen.sample(list(every), min(count, len(every)))


def part(every: Sequence[_One], one_in: int, *, name: str, number: int = 0) -> list[_One]:
    """Return one in so many of them in their order, or all. Parts of other numbers have others of them."""
    if is_whole():
        return list(every)
    order = drawn(range(len(every)), len(every), name=name)
    return [every[at] for at in sorted(order[number % one_in :: one_in])]


class Within(NamedTuple):
    """What a test takes one in so many of, itself: the run's last lines say what its mark says."""

    one_in: int
    of: str

    @property
    def mark(self) -> pytest.MarkDecorator:
        return pytest.mark.sampled(*self)

    def part(self, every: Sequence[_One], *, name: str = "", number: int = 0) -> list[_One]:
        return part(every, self.one_in, name=f"{self.of} {name}", number=number)


def covering(cases: Sequence[Sequence[Hashable]], count: int, *, name: str) -> list[int]:
    """Return the places of `count` cases. Among them each value of a parameter is there if it has at most `count`."""
    order = drawn(range(len(cases)), len(cases), name=name)
    columns = [set(column) for column in zip(*cases, strict=True)]
    missing = {
        (place, value)
        for place, values in enumerate(columns)
        if len(values) <= count
        for value in values
    }
    taken: list[int] = []
    for at in order:
        new = missing & set(enumerate(cases[at]))
        if new:
            missing -= new
            taken.append(at)
    rest = [at for at in order if at not in taken]
    return sorted([*taken, *rest[: max(0, count - len(taken))]])


def sample(config: pytest.Config, items: list[pytest.Item]) -> str:
    """Leave the cases out that the sample lacks; return what was sampled as one line, empty if nothing was."""
    if is_whole() or config.getoption("lf", default=False):
        return ""
    matrices: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    within: dict[str, str] = {}
    for item in items:
        name = item.nodeid.partition("[")[0]
        for marker in item.iter_markers(MARK):
            if len(marker.args) > 1:
                within[name] = f"one in {marker.args[0]} {marker.args[1]}"
        matrix = matrix_of(item)
        if matrix is not None:
            matrices[matrix.kwargs.get("of", name)].append(item)
    left_out: set[pytest.Item] = set()
    for name, found in matrices.items():
        # In the order of their names: the items come shuffled.
        cases = sorted(found, key=lambda one: one.nodeid)
        mark = matrix_of(cases[0])
        assert mark is not None, "they were found by it"
        count = -(-len(cases) // int(mark.args[0]))
        drawn_as = mark.kwargs.get("group", name)
        values = [() if "of" in mark.kwargs else _values(one) for one in cases]
        kept = set(covering(values, count, name=drawn_as))
        left_out |= {one for at, one in enumerate(cases) if at not in kept}
    config.hook.pytest_deselected(items=sorted(left_out, key=lambda one: one.nodeid))
    items[:] = [one for one in items if one not in left_out]
    of = sum(map(len, matrices.values()))
    said = [f"{of - len(left_out)} of {of} cases of {len(matrices)} matrices"] if of else []
    said += sorted(within.values())
    by = f"by {SEED}={seed()}; `make prove` runs all"
    return f"sampled: {', '.join(said)}; {by}" if said else ""


def matrix_of(item: pytest.Item) -> pytest.Mark | None:
    """Return the mark by which the item is a case of a matrix, or None if it is none."""
    return next((one for one in item.iter_markers(MARK) if len(one.args) == 1), None)


def _values(item: pytest.Item) -> Sequence[int]:
    """Return which value of each parameter the case has."""
    assert isinstance(item, pytest.Function), "a matrix is of functions"
    return list(item.callspec.indices.values())
