"""What SQLite keeps is its owner's alone, whoever makes it."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.embedded_redis import prepare_home
from runtime.installation import made_master_key
from store.database import Transaction
from store.migrate import migrate
from store.open import open_database

FILES = {"topup.db": 0o600, "topup.db-wal": 0o600, "topup.db-shm": 0o600, "topup.db.turn": 0o600}


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def modes_while_open(path: Path) -> dict[str, int]:
    async def work(tx: Transaction) -> None:
        await tx.execute("CREATE TABLE written (n INTEGER)")

    database = open_database(f"sqlite:///{path}")
    await database.transaction(work)
    found = {one.name: mode(one) for one in path.parent.iterdir()}
    await database.close()
    return found


@pytest.mark.parametrize("is_migrated", [False, True])
async def test_a_new_database_and_its_folder_are_its_owners(
    tmp_path: Path, is_migrated: bool
) -> None:
    path = tmp_path / "data" / "topup.db"
    if is_migrated:
        await asyncio.to_thread(migrate, f"sqlite:///{path}")

    assert await modes_while_open(path) == FILES
    assert mode(path.parent) == 0o700


async def test_a_file_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "data" / "topup.db"
    path.parent.mkdir(mode=0o750)
    path.touch(mode=0o640)

    found = await modes_while_open(path)

    assert (found["topup.db"], mode(path.parent)) == (0o640, 0o750)


@pytest.mark.parametrize("make", [made_master_key, prepare_home])
def test_the_data_directory_is_its_owners_whoever_makes_it(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    # Close to the root, so that Redis' socket fits into it.
    make(tmp_path / "d")

    assert not (tmp_path / "d").exists() or mode(tmp_path / "d") == 0o700
