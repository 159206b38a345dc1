"""Passwords: what is taken, what is compared, and what it costs those who have none."""

import asyncio

import pytest
from argon2 import extract_parameters

from kernel.errors import InvalidInput, Unavailable
from keys import password
from keys.password import Passwords, check_password, hash_password, is_password

RIGHT = "correct horse"


@pytest.mark.parametrize("text", ["", "a" * 9, "a" * 201])
def test_too_short_and_too_long_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="10 to 200"):
        check_password(text)


@pytest.mark.parametrize("text", ["a" * 10, "a" * 200, "pass word \U0001f511 äöü"])
def test_anything_else_is_a_password(text: str) -> None:
    check_password(text)


def test_only_the_password_is_the_password() -> None:
    kept = hash_password(RIGHT)

    assert is_password(RIGHT, kept)
    assert not is_password(RIGHT + " ", kept)
    assert not is_password("", kept)
    assert RIGHT not in kept
    assert hash_password(RIGHT) != kept


def test_nobody_has_a_password_and_it_costs_the_same_to_find_out() -> None:
    assert not is_password(RIGHT, None)
    assert not is_password("", None)
    assert extract_parameters(password._NOBODY) == extract_parameters(hash_password(RIGHT))


def test_a_hash_that_is_none_is_nobodys() -> None:
    assert not is_password(RIGHT, "sha1:00")


async def test_a_flood_is_refused_and_does_not_last() -> None:
    passwords = Passwords()
    flood = [passwords.verify(RIGHT, None) for _ in range(34)]

    outcomes = await asyncio.gather(*flood, return_exceptions=True)

    assert [one for one in outcomes if one is False] == [False] * 32
    assert sum(isinstance(one, Unavailable) for one in outcomes) == 2
    assert await passwords.verify(RIGHT, await passwords.hash(RIGHT))
