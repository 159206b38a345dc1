"""The reserve of room that staging leaves to live, on a real file system that runs full and is emptied again."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.metrics import Metrics
from runtime.watch import read_size, staging_left, watching_staging_room
from store.database import Database
from store.open import open_database
from tests.support.gateway import settings_of

MIB = 1024 * 1024
WAIT_S = 20.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """64 MiB of memory as a file system of its own."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts a file system")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110 the watch tells nobody
            await asyncio.sleep(0.005)


@contextlib.contextmanager
def taken(place: Path, size: int) -> Iterator[None]:
    file = place / f"{size}"
    file.write_bytes(bytes(size))
    yield
    file.unlink()


async def test_a_disk_that_runs_full_closes_staging_and_one_that_is_emptied_opens_it(
    small_disk: Path, sqlite_template: Path
) -> None:
    """32 MiB are the reserve: 40 MiB in use close it, 28 MiB do not open it again, 20 MiB do."""
    path = small_disk / "topup.db"
    shutil.copy(sqlite_template, path)
    settings = settings_of(f"sqlite:///{path}", small_disk, staging_reserve_mb=32)
    database, metrics = open_database(f"sqlite:///{path}"), Metrics()
    in_use = shutil.disk_usage(small_disk).used
    try:
        async with watching_staging_room(settings, database, metrics, every_s=0.01) as room:
            assert not room.is_short
            with taken(small_disk, 16 * MIB):
                with taken(small_disk, 24 * MIB):
                    await until(lambda: room.is_short)
                    assert b"topup_staging_closed 1.0" in metrics.render()
                with taken(small_disk, 12 * MIB - in_use):
                    # Room for the looks that would open it; it stays closed by any number of them.
                    await asyncio.sleep(0.1)
                    assert room.is_short
            await until(lambda: not room.is_short)
            assert b"topup_staging_closed 0.0" in metrics.render()
    finally:
        await database.close()


async def test_what_is_left_is_the_free_disk_or_the_rest_of_the_databases_size(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(
        database_url, tmp_path, staging_reserve_mb=1, staging_database_max_mb=100_000
    )
    off = settings_of(database_url, tmp_path, staging_reserve_mb=0, staging_database_max_mb=0)

    left = await staging_left(settings, database)

    assert await staging_left(off, database) is None
    assert left is not None
    if database_url.startswith("sqlite"):
        assert abs(left - (shutil.disk_usage(tmp_path).free - MIB)) < 1024 * MIB
    else:
        assert left == 100_000 * MIB - await database.read(read_size)
