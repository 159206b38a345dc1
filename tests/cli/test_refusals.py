"""What a command refuses: in one clear line, with a code that is not 0, and leaving nothing."""

import logging
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.server.listener import check_start, warn_of_unknown_variables
from runtime.settings import load_settings
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


def test_the_audit_of_a_sound_ledger_says_that_and_what_it_cannot_prove_yet(
    topup: Topup, sqlite_template: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "topup.db")

    result = topup("audit")

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "the ledger is proved: every balance is the sum of its transfers",
        "unproved: the record log has no head yet; a worker signs one each hour",
        "signing keys weren't checked: set TOPUP_SECRET_KEY to the installation's master key",
    ]


def test_an_unknown_delivery_is_told_in_one_line(
    topup: Topup, sqlite_template: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "topup.db")

    result = topup("deliveries", "replay", "nope")

    assert result.exit_code == 1
    assert result.output == "error: Delivery not found\n"


@pytest.mark.parametrize(("parent", "lines"), [("", 1), ("3", 0)])
def test_a_variable_that_resembles_no_setting_is_told_once_at_the_start(
    topup: Topup,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    parent: str,
    lines: int,
) -> None:
    """As another release, or Kubernetes for a service of the name topup-gateway, may have made it."""
    monkeypatch.setenv("TOPUP_GATEWAY_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("TOPUP_SOMETHING_OF_TOMORROW", "1")
    monkeypatch.setenv("TOPUP_PARENT_FD", parent)

    with caplog.at_level(logging.WARNING):
        check_start(load_settings())
        warn_of_unknown_variables()

    named = "TOPUP_GATEWAY_SERVICE_HOST, TOPUP_SOMETHING_OF_TOMORROW"
    assert [vars(one)["variables"] for one in caplog.records] == [named] * lines


@pytest.mark.parametrize("command", ["serve", "worker", "dev"])
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("TOPUP_PROT", "1", "TOPUP_PROT is no setting\n  did you mean TOPUP_PORT?"),
        ("TOPUP_HSOT", "1", "did you mean TOPUP_HOST?"),
        ("TOPUP_TRUSTED_PROXY", "10.0.0.1", "did you mean TOPUP_TRUSTED_PROXIES?"),
        ("TOPUP_STRIPE_SECRET_KYE", "x", "did you mean TOPUP_STRIPE_SECRET_KEY?"),
        ("TOPUP_DATABASE_WAIT_S", "5", "did you mean TOPUP_DATABASE_POOL_TIMEOUT_S?"),
        ("TOPUP_DATABASE_POOL_TIMOUT_S", "5", "did you mean TOPUP_DATABASE_POOL_TIMEOUT_S?"),
        ("TOPUP_SANDBOXES_MB_PER_DAY", "1", "did you mean TOPUP_SANDBOX_TOTAL_MB_PER_DAY?"),
        (
            "TOPUP_TRUSTED_PROXIES",
            "10.0.0.0/8,0.0.0.0/0",
            "TOPUP_TRUSTED_PROXIES: 0.0.0.0/0 names strangers'",
        ),
        (
            "TOPUP_TRUSTED_PROXIES",
            "128.0.0.0/1",
            "TOPUP_TRUSTED_PROXIES: 128.0.0.0/1 names strangers'",
        ),
        (
            "TOPUP_WEBHOOK_ALLOW_CIDRS",
            "::/0",
            "TOPUP_WEBHOOK_ALLOW_CIDRS: ::/0 opens clouds' metadata",
        ),
        ("TOPUP_SELLER_FONT", "/etc/passwd", "TOPUP_SELLER_FONT is no font"),
        ("TOPUP_SELLER_FONT", "/nonexistent.ttf", "TOPUP_SELLER_FONT is no file that can be read"),
        ("TOPUP_DATA_DIR", "/proc/nope", "TOPUP_DATA_DIR: /proc/nope cannot be made or written"),
    ],
)
def test_a_setting_that_would_start_and_be_wrong_is_refused_by_one_sentence(
    topup: Topup,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    variable: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setenv("TOPUP_SECRET_KEY", "5a" * 32)
    monkeypatch.setenv(variable, value)

    result = topup(command)

    assert result.exit_code == 2, result.output
    assert told in result.output
    assert "Traceback" not in result.output
