"""Passwords: what is taken, what is compared, and what it costs those who have none."""

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters

from kernel.errors import InvalidInput, Unavailable
from keys.sign_in import password
from keys.sign_in.password import Passwords, check_password, hash_password, is_password

RIGHT = "correct horse"
# A hash says itself how much work it is: this one takes none, where a turn matters and not its cost.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("another")
# And this one a third of what a real one takes.
LIGHT = PasswordHasher(time_cost=1, memory_cost=65_536, parallelism=4).hash("another")


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
    flood = [passwords.verify(RIGHT, None, source="203.0.113.7") for _ in range(34)]

    outcomes = await asyncio.gather(*flood, return_exceptions=True)

    # One address has one at work and one that waits beside it, or two at work.
    assert [one for one in outcomes if one is False] == [False] * 2
    assert sum(isinstance(one, Unavailable) for one in outcomes) == 32
    made = await passwords.hash(RIGHT, source="203.0.113.7")
    assert await passwords.verify(RIGHT, made, source="203.0.113.7")


async def test_a_crowd_of_addresses_keeps_nobody_out() -> None:
    passwords = Passwords()
    ended: list[str] = []

    async def come(source: str, *, is_known: bool = False) -> None:
        # At some cost: of quick ones, two that end together may change places.
        await passwords.verify(RIGHT, LIGHT, source=source, is_known=is_known)
        ended.append(source)

    flood = [asyncio.create_task(come(f"10.0.0.{n % 6}")) for n in range(12)]
    await asyncio.sleep(0)
    known = asyncio.create_task(come("device", is_known=True))
    newcomer = asyncio.create_task(come("198.51.100.9"))
    await asyncio.gather(*flood, known, newcomer)

    # Two are at work; the known device is next, a newcomer comes before most have a second turn: it is the
    # tenth to begin, and of the two at work either may end first.
    assert ended.index("device") <= 4
    assert ended.index("198.51.100.9") <= 10
    assert len(ended) == 14


async def test_who_goes_away_leaves_the_turn_to_others() -> None:
    passwords = Passwords()
    tasks = [
        asyncio.create_task(passwords.verify(RIGHT, kept, source=f"10.0.0.{n}"))
        for n, kept in enumerate([None, None, QUICK, QUICK, QUICK])
    ]
    await asyncio.sleep(0)
    for task in tasks[2:4]:
        task.cancel()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [one for one in outcomes if one is False] == [False] * 3
    assert await passwords.verify(RIGHT, QUICK, source="10.0.0.1") is False
