"""Ids are told apart, grow with time, and give their number back."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, strategies as st

from kernel.ids import ID_BITS, are_near, decode, decode_all, encode, least_id, made_at, new_id


def test_an_id_is_its_prefix_and_sixteen_characters() -> None:
    assert re.fullmatch(r"txn_[0-9A-Za-z]{16}", new_id("txn"))


def test_each_id_is_larger_than_the_one_before() -> None:
    # More than share a millisecond, and more than share their first fourteen characters.
    made = [new_id("txn") for _ in range(50_000)]

    assert made == sorted(set(made))
    assert len({one[:-2] for one in made}) > 50_000 // (62 * 62)


def test_threads_never_get_the_same_id() -> None:
    def make(_: int) -> list[str]:
        return [new_id("txn") for _ in range(20_000)]

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(4)))

    assert len({one for listed in made for one in listed}) == 80_000
    assert all(listed == sorted(listed) for listed in made)


@given(st.integers(0, 2**ID_BITS - 1))
def test_an_id_gives_its_number_back(number: int) -> None:
    assert decode(encode(number)) == number


@pytest.mark.parametrize(
    "text", ["", "0" * 15, "0" * 17, "000000000000000-", "-000000000000000", "é" * 16]
)
def test_what_is_no_id_has_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="an id has"):
        decode(text)
    with pytest.raises(ValueError, match="an id has"):
        decode_all(["0" * 16, text])


def test_two_characters_alone_are_no_id() -> None:
    with pytest.raises(ValueError, match="an id has"):
        decode_all(["00"])


def test_ids_give_their_numbers_back_together() -> None:
    # 62 * 62 numbers share all but the last two characters.
    texts = [
        *("0" * 14 + "0z", "0" * 14 + "10", "0" * 14 + "zz"),
        "0" * 13 + "100",
        "0" * 14 + "01",
    ]

    assert decode_all(texts) == [61, 62, 3843, 3844, 1]


@given(st.integers(0, 2**52), st.integers(0, 3_600_000_000))
def test_ids_that_are_near_were_made_within_four_minutes(at_us: int, apart_us: int) -> None:
    one, other = least_id("evt", at_us), least_id("dlv", at_us + apart_us)

    assert are_near(one, one.replace("evt", "dlv"))
    assert are_near(one, other) <= (made_at(other) - made_at(one) < 238_328_000)


def test_what_is_no_id_is_near_nothing() -> None:
    assert not are_near("evt_1", "dlv_1")
