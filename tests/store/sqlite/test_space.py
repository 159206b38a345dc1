"""What is free in a SQLite file goes back to the disk, in steps, or as a whole where it has to."""

import contextlib
import itertools
import sqlite3
from pathlib import Path

import pytest

from store.open import open_database
from store.sqlite.file import STEP_PAGES, space, vacuum
from tests.support.command_line import Topup, topup as topup

MB = 1_000_000


def filled(path: Path, *, auto_vacuum: int) -> None:
    """A file of some 45 MB of which all but a little is free."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA auto_vacuum = {auto_vacuum}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE kept AS SELECT 'here' AS word")
        connection.execute("CREATE TABLE gone (filler BLOB)")
        connection.execute("INSERT INTO gone VALUES (zeroblob(45000000))")
        connection.execute("DELETE FROM gone")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


async def test_free_pages_go_back_in_steps_and_some_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "topup.db"
    filled(path, auto_vacuum=2)
    before = path.stat().st_size
    database = open_database(f"sqlite:///{path}")

    left = [await database.free_space()]
    while left[-1]:
        left.append(await database.free_space())
    again = await database.free_space()
    await database.close()

    # 45 MB are 10,989 pages of 4 KiB, of which 2,000 stay for what comes next.
    assert before > 45 * MB
    assert all(a - b <= STEP_PAGES for a, b in itertools.pairwise(left))
    assert len(left) == 18
    assert left[-1] == again == 0
    assert 8 * MB < space(path).free < 9 * MB
    # The log was copied into the file as it was closed.
    assert path.stat().st_size < 10 * MB


async def test_a_file_that_cannot_is_left_alone_until_it_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "topup.db"
    filled(path, auto_vacuum=0)
    database = open_database(f"sqlite:///{path}")

    left = await database.free_space()
    stuck = space(path)
    await database.close()
    vacuum(path)

    assert (left, stuck.can_give_back) == (0, False)
    assert stuck.free > 44 * MB
    after = space(path)
    assert (after.can_give_back, after.free) == (True, 0)
    assert path.stat().st_size < MB
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("here",)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_and_the_doctor_say_what_there_is(topup: Topup) -> None:
    doctor = topup("doctor")
    done = topup("vacuum", "--json")

    assert "✓ space" in doctor.output
    assert done.exit_code == 0, done.output
    assert '"bytes_before"' in done.output
