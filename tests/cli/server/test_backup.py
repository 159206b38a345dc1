"""Copies of the database by the command line, on both databases: taken, refused, put back."""

import asyncio
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from billing.topups.rules import VOUCHER_KEY
from cli.main import main
from kernel.clock import SystemClock, rfc3339
from kernel.version import running
from runtime.installation import open_vault
from runtime.settings import Settings
from store.database import Transaction
from store.open import file_of, open_database
from store.version import VERSIONS
from tests.support.command_line import Topup, result_of, without_settings

# A copy is put back only where nobody else is connected, not even who empties a used database.
pytestmark = pytest.mark.new_database

KEY = "5f" * 32


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup …` on a migrated, empty database, with the test's folder as its own."""
    without_settings(monkeypatch, tmp_path)
    if file_of(database_url) is None and shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not on the PATH")
    environment = {"TOPUP_DATABASE_URL": database_url, "TOPUP_SECRET_KEY": KEY}

    def run(*words: str, **variables: str) -> Result:
        return CliRunner().invoke(main, list(words), env={**environment, **variables})

    return run


def names(topup: Topup) -> list[str]:
    return sorted(row["name"] for row in result_of(topup("accounts", "list", "--json"))["items"])


def test_a_copy_holds_what_was_there_and_comes_back(topup: Topup, database_url: str) -> None:
    topup("accounts", "create", "--name", "Before")
    made = result_of(topup("backup", "monday.copy", "--json"))
    topup("accounts", "create", "--name", "After")

    restored = result_of(topup("restore", "monday.copy", "--replace", "--json"))

    assert names(topup) == ["Before"]
    assert result_of(topup("audit", "--json"))["items"] == []
    assert stat.S_IMODE(Path("monday.copy").stat().st_mode) == 0o600
    assert made["bytes"] == Path("monday.copy").stat().st_size
    assert made["schema"] == restored["schema"] == VERSIONS[-1]
    # What was there is not thrown away where it is a file.
    aside = restored["kept_aside"]
    assert (aside is None) is (file_of(database_url) is None)
    if aside is not None:
        assert names(lambda *w: topup(*w, TOPUP_DATABASE_URL=f"sqlite:///{aside}")) == [
            "After",
            "Before",
        ]


def test_a_copy_names_the_build_that_made_it(topup: Topup) -> None:
    before = SystemClock().now_us()
    made = result_of(topup("backup", "monday.copy", "--json"))
    [recorded] = result_of(topup("database", "copies", "--json"))["items"]

    restored = result_of(topup("restore", "monday.copy", "--replace", "--json"))

    assert made["code_version"] == recorded["code_version"] == running()
    assert recorded["place"] == "local"
    assert recorded["bytes"] == made["bytes"]
    assert rfc3339(before) <= recorded["began_at"] <= recorded["ended_at"]
    # The copy holds its own record, as it stood when the copy began.
    assert restored["copied_at"] == recorded["began_at"]
    assert restored["copied_by"] == restored["migrated_by"] == running()
    [inside] = result_of(topup("database", "copies", "--json"))["items"]
    assert (inside["began_at"], inside["ended_at"]) == (recorded["began_at"], None)


def test_a_failed_copy_does_not_count(topup: Topup) -> None:
    Path("kept").write_text("mine", encoding="utf-8")

    assert topup("backup", "kept").exit_code == 1

    [recorded] = result_of(topup("database", "copies", "--json"))["items"]
    assert (recorded["ended_at"], recorded["bytes"]) == (None, None)


def test_a_copy_on_another_machine_is_recorded_and_nothing_is_copied(topup: Topup) -> None:
    both = topup("backup", "file", "--elsewhere")
    done = result_of(topup("backup", "--elsewhere", "--json"))

    [recorded] = result_of(topup("database", "copies", "--json"))["items"]
    assert done["place"] == recorded["place"] == "elsewhere"
    assert recorded["ended_at"] == recorded["began_at"]
    assert not Path("file").exists()
    assert not list(Path().glob("topup-*"))
    assert both.exit_code == 2
    assert "leave FILE out" in both.stderr


async def test_a_schema_without_that_table_is_copied_all_the_same(
    topup: Topup, database_url: str
) -> None:
    database = open_database(database_url)
    await database.transaction(lambda tx: tx.execute("DROP TABLE backups"))
    await database.close()

    made = await asyncio.to_thread(topup, "backup", "good", "--json")
    restored = await asyncio.to_thread(topup, "restore", "good", "--replace", "--json")

    assert result_of(made)["bytes"] > 0
    assert "the result was not stored" in made.stderr
    assert result_of(restored)["copied_by"] is None


def epochs(database_url: str) -> set[int]:
    async def look() -> set[int]:
        database = open_database(database_url)
        try:
            return await database.read(work)
        finally:
            await database.close()

    async def work(tx: Transaction) -> set[int]:
        rows = await tx.fetch("SELECT event_epoch FROM account_environments")
        return {row["event_epoch"] for row in rows}

    return asyncio.run(look())


def test_a_restored_copy_begins_a_new_epoch_of_cursors(topup: Topup, database_url: str) -> None:
    topup("accounts", "create", "--name", "Before")
    before = epochs(database_url)
    topup("backup", "monday.copy")

    assert topup("restore", "monday.copy", "--replace").exit_code == 0

    [epoch] = epochs(database_url)
    assert before == {0}
    # Seconds, which no copy of before has.
    assert epoch > 1_781_265_600


# What an URL, a shell or a quoted name would take for something else; and the folder above, once decoded.
@pytest.mark.parametrize("name", ['a%20b q?x=1 h#y ünïcödé p% it\'s "so"\na', "%2e%2e"])
def test_a_data_directory_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for known in Settings.model_fields:
        monkeypatch.delenv("TOPUP_" + known.upper(), raising=False)
    monkeypatch.setenv("TOPUP_DATA_DIR", str(tmp_path / name))
    monkeypatch.setenv("TOPUP_SECRET_KEY", KEY)

    for words in (
        ["migrate"],
        ["accounts", "create", "--name", "Odd"],
        ["backup", "odd.copy"],
        ["restore", "odd.copy", "--replace"],
        ["audit"],
    ):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, (words, result.stderr)

    listed = CliRunner().invoke(main, ["accounts", "list", "--json"])
    assert [row["name"] for row in result_of(listed)["items"]] == ["Odd"]
    assert (tmp_path / name / "topup.db").is_file()
    assert {one.name for one in tmp_path.iterdir()} == {name, "odd.copy"}


def test_a_copy_is_never_written_over_a_file_and_a_restore_not_over_a_database(
    topup: Topup,
) -> None:
    Path("kept").write_text("mine", encoding="utf-8")
    topup("backup", "good")

    over = topup("backup", "kept")
    unasked = topup("restore", "good")

    assert (over.exit_code, unasked.exit_code) == (1, 1)
    assert Path("kept").read_text(encoding="utf-8") == "mine"
    assert "is there already" in over.stderr
    assert "--replace" in unasked.stderr
    assert sorted(path.name for path in Path().iterdir() if path.name.startswith(".")) == []


def test_what_is_no_copy_or_a_broken_one_changes_nothing(topup: Topup) -> None:
    topup("accounts", "create", "--name", "Here")
    topup("backup", "good")
    whole = Path("good").read_bytes()
    Path("cut").write_bytes(whole[: len(whole) * 2 // 3])
    Path("text").write_text("what is this", encoding="utf-8")
    Path("empty").write_bytes(b"")

    for name in ("cut", "text", "empty"):
        refused = topup("restore", name, "--replace")
        assert refused.exit_code == 1, name
        assert refused.stderr.startswith("error: ")
        assert names(topup) == ["Here"]


def test_the_other_databases_copy_is_refused_by_name(topup: Topup, database_url: str) -> None:
    is_file = file_of(database_url) is not None
    Path("other").write_bytes(b"PGDMP\x01" if is_file else b"SQLite format 3\0" + bytes(100))

    refused = topup("restore", "other", "--replace")

    assert refused.exit_code == 1
    assert "sqlite" in refused.stderr
    assert "postgresql" in refused.stderr


async def test_a_database_in_use_is_not_replaced(topup: Topup, database_url: str) -> None:
    await asyncio.to_thread(topup, "backup", "good")
    database = open_database(database_url)

    async def look(tx: Any) -> Any:
        return await tx.fetch_one("SELECT COUNT(*) AS n FROM accounts")

    await database.read(look)
    refused = await asyncio.to_thread(topup, "restore", "good", "--replace")
    await database.close()
    taken = await asyncio.to_thread(topup, "restore", "good", "--replace")

    assert refused.exit_code == 1
    assert "stop the gateways and workers first" in refused.stderr
    assert taken.exit_code == 0, taken.stderr


async def test_another_master_key_is_told_of(topup: Topup, database_url: str) -> None:
    database = open_database(database_url)
    vault = open_vault(KEY)
    await database.transaction(lambda tx: vault.data_key(tx, VOUCHER_KEY, now_us=1))
    await database.close()
    await asyncio.to_thread(topup, "backup", "good")

    ours = await asyncio.to_thread(topup, "restore", "good", "--replace", "--json")
    theirs = await asyncio.to_thread(
        topup, "restore", "good", "--replace", TOPUP_SECRET_KEY="6f" * 32
    )

    assert result_of(ours)["master_key"] == "opens"
    assert theirs.exit_code == 0
    assert "another master key" in theirs.stderr

    audited = await asyncio.to_thread(topup, "audit", TOPUP_SECRET_KEY="6f" * 32)
    verified = await asyncio.to_thread(topup, "checkpoints", "verify", TOPUP_SECRET_KEY="6f" * 32)

    assert (audited.exit_code, verified.exit_code) == (1, 1)
    assert "the master key doesn't open what the database holds encrypted" in audited.stderr
    assert (await asyncio.to_thread(topup, "audit")).exit_code == 0


def test_half_of_a_rotation_is_no_forged_signing_key(topup: Topup) -> None:
    new = "6f" * 32
    assert topup("checkpoints", "seal").exit_code == 0
    # The worker hasn't encrypted the other keys under the new master key yet.
    assert topup("checkpoints", "rotate-key", TOPUP_SECRET_KEY=f"{new},{KEY}").exit_code == 0

    both = topup("audit", TOPUP_SECRET_KEY=f"{new},{KEY}")
    audits = [topup("audit", TOPUP_SECRET_KEY=one) for one in (KEY, new)]
    verified = topup("checkpoints", "verify", TOPUP_SECRET_KEY=KEY)

    assert both.exit_code == 0
    for one in (*audits, verified):
        assert one.exit_code == 1
        assert "the master key doesn't open what the database holds encrypted" in one.stderr
    # No audit took it for a broken ledger.
    assert all("the ledger is proved" in one.stderr for one in audits)


def test_a_copy_can_begin_another_installation(topup: Topup, tmp_path: Path) -> None:
    fresh = {"TOPUP_DATABASE_URL": f"sqlite:///{tmp_path}/other/topup.db"}
    topup("migrate", **fresh)
    topup("accounts", "create", "--name", "Moved", **fresh)
    topup("backup", "good", **fresh)

    third = {"TOPUP_DATABASE_URL": f"sqlite:///{tmp_path}/third/topup.db"}
    done = result_of(topup("restore", "good", "--json", **third))

    assert done["kept_aside"] is None
    assert names(lambda *words: topup(*words, **third)) == ["Moved"]


def test_where_postgresqls_programs_are_missing_the_words_say_so(
    topup: Topup, database_url: str
) -> None:
    if file_of(database_url) is not None:
        pytest.skip("SQLite needs none")
    refused = topup("backup", "good", PATH="")

    assert refused.exit_code == 1
    assert "pg_dump is not on the PATH" in refused.stderr
    assert not Path("good").exists()


def test_no_password_is_told(topup: Topup) -> None:
    refused = topup("backup", "x", TOPUP_DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/none")

    assert refused.exit_code == 13
    assert "hunter2" not in refused.output
