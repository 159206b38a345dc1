"""`topup code-batches`: a code is printed once, goes into a file whole, and is listed by its end only."""

import csv
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.support.command_line import Topup, result_of, without_settings


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup code-batches …` on a migrated, empty database."""
    without_settings(monkeypatch, tmp_path)
    environment = {"TOPUP_DATABASE_URL": database_url, "TOPUP_SECRET_KEY": "5f" * 32}

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["code-batches", *words], env=environment)

    return run


def test_people_see_one_code_a_line(topup: Topup) -> None:
    result = topup("create", "--credits=1000", "--count=3")

    assert result.exit_code == 0
    assert [line[:6] for line in result.stdout.splitlines()[-3:]] == ["TOPUP-"] * 3
    assert result.stdout.count("TOPUP-") == 3
    assert "shown only this once" in result.stderr


def test_a_file_gets_all_codes_and_is_its_owners_alone(topup: Topup, tmp_path: Path) -> None:
    result = topup(
        *("write", "codes.csv", "--credits=50", "--count=1200", "--environment=live", "--json")
    )

    path = tmp_path / "codes.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert result_of(result)["count"] == 1200
    assert len({row["code"] for row in rows}) == 1200
    assert {(row["credits"], row["environment"]) for row in rows} == {("50", "live")}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "TOPUP-" not in result.stdout


def test_no_file_is_written_over(topup: Topup, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("mine")

    result = topup("write", "codes.csv", "--credits=50")
    missing = topup("write", "no/such/folder.csv", "--credits=50")

    assert (result.exit_code, missing.exit_code) == (1, 1)
    assert "exists already" in result.stderr
    assert (tmp_path / "codes.csv").read_text() == "mine"
    assert result_of(topup("list", "--json"))["items"] == []


def test_standard_output_takes_csv_alone(topup: Topup) -> None:
    result = topup("write", "-", "--credits=50", "--count=2")

    lines = result.stdout.splitlines()
    assert lines[0] == "code,credits,environment"
    assert [line.endswith(",50,staging") for line in lines[1:]] == [True, True]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--credits=0",), "credits"),
        (("--credits=1.5",), "credits"),
        (("--credits=1", "--count=1000001"), "count"),
        (("--credits=1", "--expires-at=tomorrow"), "2026-06-13T12:00:00Z"),
        (("--credits=1", "--expires-at=2020-01-01T00:00:00Z"), "must be in the future"),
        (("--credits=1", "--days=7"), "promotional"),
        ((), "credits"),
    ],
)
def test_nonsense_makes_nothing(words: tuple[str, ...], said: str, topup: Topup) -> None:
    for result in (topup("create", *words), topup("write", "codes.csv", *words)):
        assert result.exit_code in {1, 2}
        assert said in result.stderr
    assert not Path("codes.csv").exists()
    assert result_of(topup("list", "--json"))["items"] == []
