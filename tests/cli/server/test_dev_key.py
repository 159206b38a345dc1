"""`topup dev` and its master key: none is made beside rows that another one sealed."""

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from billing.topups.rules import VOUCHER_KEY
from kernel.clock import SystemClock
from runtime.installation import made_master_key, open_store, open_vault
from runtime.settings import load_settings
from store.database import Transaction
from tests.support.installation import READY_S_MAX, clean_environment
from tests.support.preloaded import Preloaded

Dev = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def dev(data_dir: Path, preloaded: Preloaded) -> Dev:
    """Runs `topup dev` on the data directory; keywords are further variables."""

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        return preloaded.run(
            ["dev", "--port=0", f"--data-dir={data_dir}"],
            cwd=data_dir.parent,
            env=clean_environment(**variables),
            timeout_s=READY_S_MAX,
        )

    return run


@pytest.fixture
def data_dir(tmp_path: Path, sqlite_template: Path) -> Path:
    """The data directory of an installation that sealed its voucher key."""
    folder = tmp_path / "data"
    url = f"sqlite:///{folder}/topup.db"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "topup.db")
    vault = open_vault(made_master_key(folder))

    async def work(tx: Transaction) -> bytes:
        return await vault.data_key(tx, VOUCHER_KEY, now_us=SystemClock().now_us())

    async def seal() -> None:
        async with open_store(load_settings(database_url=url)) as database:
            await database.transaction(work)

    asyncio.run(seal())
    return folder


def contents_of(data_dir: Path) -> tuple[list[str], dict[str, bytes]]:
    """The database's rows, and every other file: opening alone counts up in SQLite's header."""
    with contextlib.closing(sqlite3.connect(data_dir / "topup.db")) as connection:
        rows = list(connection.iterdump())
    files = {path.name: path.read_bytes() for path in data_dir.iterdir()}
    return rows, {name: data for name, data in files.items() if name != "topup.db"}


def refused(data_dir: Path, dev: Dev, **variables: str) -> str:
    """What it says as it refuses; it must not have written anything."""
    before = contents_of(data_dir)
    result = dev(**variables)
    after = contents_of(data_dir)

    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert after == before
    return result.stderr


def test_a_missing_key_file_is_named_and_not_made_again(data_dir: Path, dev: Dev) -> None:
    (data_dir / "master_key").unlink()

    said = refused(data_dir, dev)

    assert f"{data_dir}/master_key is missing" in said
    assert "TOPUP_SECRET_KEY" not in said


@pytest.mark.parametrize(
    ("contents", "problem"),
    [("5f" * 32, "does not open"), ("", "is empty"), ("short", "has 5 characters")],
)
def test_a_changed_key_file_is_named(data_dir: Path, dev: Dev, contents: str, problem: str) -> None:
    (data_dir / "master_key").write_text(contents)

    said = refused(data_dir, dev)

    assert f"{data_dir}/master_key" in said
    assert problem in said
    assert "TOPUP_SECRET_KEY" not in said


def test_a_given_key_that_does_not_open_is_named_by_its_variable(data_dir: Path, dev: Dev) -> None:
    said = refused(data_dir, dev, TOPUP_SECRET_KEY="5f" * 32)

    assert "TOPUP_SECRET_KEY does not open what the database holds" in said
