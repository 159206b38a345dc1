"""Nothing is written to a file that nobody will open again."""

from pathlib import Path

import pytest

from store.database import Transaction
from store.errors import CannotOpen, Fault
from store.sqlite.database import SqliteDatabase


async def make(tx: Transaction) -> None:
    await tx.execute("CREATE TABLE IF NOT EXISTS notes (id bigint)")


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_a_file_that_was_replaced_or_moved_away_is_not_written_to(
    tmp_path: Path, is_replaced: bool
) -> None:
    path = tmp_path / "topup.db"
    database = SqliteDatabase(path)
    await database.transaction(make)
    copy = path.read_bytes()

    path.rename(tmp_path / "old.db")
    if is_replaced:
        path.write_bytes(copy)
    with pytest.raises(CannotOpen) as refused:
        await database.transaction(make)

    assert refused.value.fault is database.servers.fault is Fault.FILE_REPLACED
    await database.close()
