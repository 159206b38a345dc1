"""A sample of a matrix: the same for a seed, another one for another, and each row and column is in it."""

from itertools import product

import pytest

from tests.support import sampled
from tests.support.sampled import covering, drawn, part

# 20 kinds, each by 3 doors on 2 databases.
MATRIX = list(product(range(20), range(3), range(2)))


@pytest.fixture(autouse=True)
def seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sampled.SEED, "2026-11-25")


@pytest.mark.parametrize("day", ["2026-11-25", "2026-11-26", "2026-11-27"])
def test_each_row_and_each_column_is_there(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sampled.SEED, day)

    found = [MATRIX[at] for at in covering(MATRIX, 40, name="a")]

    assert len(found) == len(set(found)) == 40
    assert [len({row[column] for row in found}) for column in range(3)] == [20, 3, 2]


def test_what_has_more_values_than_the_sample_is_drawn_by_chance_beside_the_rest() -> None:
    found = [MATRIX[at] for at in covering(MATRIX, 6, name="a")]

    assert len(found) == 6
    assert [len({row[column] for row in found}) for column in (1, 2)] == [3, 2]


def test_a_seed_and_a_name_are_one_sample_and_another_day_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    today = covering(MATRIX, 40, name="a")

    assert covering(MATRIX, 40, name="a") == today
    assert covering(MATRIX, 40, name="b") != today
    monkeypatch.setenv(sampled.SEED, "2026-11-26")
    assert covering(MATRIX, 40, name="a") != today


def test_within_sixty_days_each_case_was_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    for day in range(60):
        monkeypatch.setenv(sampled.SEED, f"day {day}")
        seen |= set(covering(MATRIX, 40, name="a"))

    assert len(seen) == len(MATRIX)


def test_no_more_is_drawn_than_there_is() -> None:
    assert sorted(drawn([1, 2, 3], 5, name="a")) == [1, 2, 3]


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_parts_of_other_numbers_have_the_rest(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(sampled.PROVE, raising=False)
    every = list(range(10))

    parts = [part(every, count, name="a", number=number) for number in range(count)]

    assert sorted(one for some in parts for one in some) == every
    assert all(some == sorted(some) for some in parts)


def test_what_is_proved_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sampled.PROVE, "1")

    assert part([1, 2, 3], 3, name="a") == [1, 2, 3]
