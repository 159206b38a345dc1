"""One time for all processes: the database's, which no jump of a machine's own clock reaches."""

import pytest

from kernel.clock import FixedClock, SystemClock
from runtime.database_clock import DatabaseClock, SteadyClock
from store.database import Database

NOON = 1_781_265_600_000_000
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US


class Counter:
    """A clock that only counts, by hand."""

    def __init__(self) -> None:
        self.us = 5 * SECOND_US

    def __call__(self) -> int:
        return self.us

    def pass_s(self, seconds: float) -> None:
        self.us += round(seconds * SECOND_US)


@pytest.mark.parametrize("jump_s", [3600, -3600])
async def test_a_jump_of_the_machines_clock_changes_no_time(
    database: Database, jump_s: int
) -> None:
    wall = FixedClock(SystemClock().now_us())
    counter = Counter()
    clock = DatabaseClock(database, wall, counter)
    await clock.refresh()
    before_us = clock.now_us()

    wall.advance_s(jump_s)
    counter.pass_s(2)

    assert clock.now_us() == before_us + 2 * SECOND_US


async def test_a_machine_that_is_ahead_goes_by_the_servers_time(database: Database) -> None:
    own = SystemClock()
    ahead = FixedClock(own.now_us() + 40 * SECOND_US)
    clock = DatabaseClock(database, ahead)

    await clock.refresh()

    # On SQLite there is no other machine than this one.
    off_us = 0 if "Postgresql" in type(database).__name__ else 40 * SECOND_US
    # Both run here; twenty seconds allow for a slow machine.
    assert abs(clock.now_us() - own.now_us() - off_us) < 20 * SECOND_US


@pytest.mark.parametrize(("off_s", "after_100_s"), [(5, 105), (-5, 95), (3600, 110), (-3600, 90)])
def test_a_correction_is_spread_and_never_goes_back(off_s: int, after_100_s: int) -> None:
    counter = Counter()
    clock = SteadyClock(FixedClock(NOON), counter)
    true_us = NOON + off_s * SECOND_US

    assert clock.correct(true_us, counter()) == off_s * SECOND_US
    readings = [clock.now_us()]
    for _ in range(100):
        counter.pass_s(1)
        readings.append(clock.now_us())

    assert readings[0] == NOON
    assert readings == sorted(readings)
    # A tenth of the time that passed at most, and not beyond what was off.
    assert readings[-1] == NOON + after_100_s * SECOND_US


def test_a_second_correction_begins_where_the_first_had_come_to() -> None:
    counter = Counter()
    clock = SteadyClock(FixedClock(NOON), counter)
    clock.correct(NOON + HOUR_US, counter())
    counter.pass_s(100)

    left_us = clock.correct(NOON + 100 * SECOND_US, counter())
    at_us = clock.now_us()
    counter.pass_s(200)

    assert (left_us, at_us) == (-10 * SECOND_US, NOON + 110 * SECOND_US)
    assert clock.now_us() == NOON + 300 * SECOND_US


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_machine_whose_clock_is_off_is_said_once_and_measured_each_time(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = FixedClock(SystemClock().now_us() + 600 * SECOND_US)
    measured: list[int] = []
    clock = DatabaseClock(database, ahead, on_measured=measured.append)

    await clock.refresh()
    await clock.refresh()

    # Ten minutes; twenty seconds allow for a slow machine.
    assert [580 < off_us / SECOND_US < 620 for off_us in measured] == [True, True]
    assert [record.msg for record in caplog.records] == ["clock.skewed"]
