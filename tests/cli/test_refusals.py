"""What a command refuses: in one clear line, with a code that is not 0, and leaving nothing."""

import logging
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.typos import warn_of_unknown_variables
from tests.support.command_line import Topup, without_settings


@pytest.fixture
def topup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup …` in an empty folder, without any setting."""
    without_settings(monkeypatch, tmp_path)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    return run


@pytest.mark.parametrize(
    "command",
    [
        ("audit",),
        ("accounts", "list"),
        ("keys", "list", "--account=a@b.example"),
        ("deliveries", "list", "--account=a@b.example"),
    ],
)
def test_reading_makes_no_database(topup: Topup, tmp_path: Path, command: tuple[str, ...]) -> None:
    result = topup(*command)

    assert result.exit_code == 30
    assert "there is no database at" in result.stderr
    assert "topup migrate" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_makes_no_database(topup: Topup, tmp_path: Path) -> None:
    result = topup("doctor")

    assert result.exit_code == 30
    assert "there is no database at" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_revision_that_does_not_exist_is_named(topup: Topup) -> None:
    result = topup("migrate", "--revision", "9999")

    assert result.exit_code == 2
    assert "9999" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [("migrate",), ("audit",), ("accounts", "list")])
def test_a_file_that_is_no_database_is_told(
    topup: Topup, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "topup.db").write_bytes(b"not a database at all\n" * 300)

    result = topup(*command)

    assert result.exit_code == 33
    assert result.stderr.startswith("error: the database's file is damaged, or not one of SQLite")
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("url", ["nope", "ftp://x", "http://", "http://[", "localhost:3000"])
def test_events_are_forwarded_to_http_addresses_only(topup: Topup, url: str) -> None:
    result = topup("listen", "--forward", url, "--key", "ak_staging_x")

    assert result.exit_code == 2
    assert "is a URL such as http://localhost:3000/hook" in result.stderr


def test_the_audit_of_a_sound_ledger_says_only_that(
    topup: Topup, sqlite_template: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "topup.db")

    result = topup("audit")

    assert result.exit_code == 0
    assert result.output == "the ledger is proved: every balance is the sum of its transfers\n"


def test_an_unknown_delivery_is_told_in_one_line(
    topup: Topup, sqlite_template: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "topup.db")

    result = topup("deliveries", "replay", "nope")

    assert result.exit_code == 1
    assert result.output == "error: Delivery not found\n"


@pytest.mark.parametrize(("parent", "lines"), [("", 1), ("3", 0)])
def test_an_unknown_variable_is_told_once_at_the_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, parent: str, lines: int
) -> None:
    for name in list(os.environ):
        if name.startswith("TOPUP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOPUP_PROT", "1")
    monkeypatch.setenv("TOPUP_HSOT", "1")
    monkeypatch.setenv("TOPUP_PARENT_FD", parent)

    with caplog.at_level(logging.WARNING):
        warn_of_unknown_variables()

    assert [vars(one)["variables"] for one in caplog.records] == ["TOPUP_HSOT, TOPUP_PROT"] * lines
