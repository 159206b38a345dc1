"""The log is moved into the database beside the writers, and starts over under load."""

from pathlib import Path

from store.database import Transaction
from store.open import open_database
from store.sqlite.file import COMMITS_BETWEEN

ROW_BYTES = 40_000


async def test_the_log_does_not_grow_with_the_number_of_commits(
    sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "topup.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = open_database(f"sqlite:///{path}")
    written_bytes = 0

    async def work(tx: Transaction) -> None:
        await tx.execute(
            """INSERT INTO sealed_keys (name, sealed, created_at) VALUES ('x', :sealed, 0)
               ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed""",
            sealed=b"x" * ROW_BYTES,
        )

    for _ in range(3 * COMMITS_BETWEEN + 1):
        await database.transaction(work)
        written_bytes += ROW_BYTES
    log_bytes = Path(f"{path}-wal").stat().st_size
    await database.close()

    # Without checkpoints the log would hold every commit: SQLite's own begins at 128 MiB.
    assert written_bytes == 60_040_000
    assert log_bytes < 45_000_000


async def test_closing_waits_for_a_checkpoint_under_way(
    sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "topup.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = open_database(f"sqlite:///{path}")
    for number in range(COMMITS_BETWEEN):
        await database.transaction(
            lambda tx, number=number: tx.insert(  # type: ignore[misc]
                "sealed_keys", ("name", "sealed", "created_at"), [(f"k{number}", b"", 0)]
            )
        )

    await database.close()

    again = open_database(f"sqlite:///{path}")
    row = await again.read(lambda tx: tx.fetch_one("SELECT COUNT(*) AS n FROM sealed_keys"))
    await again.close()
    assert row is not None
    assert row["n"] == COMMITS_BETWEEN
