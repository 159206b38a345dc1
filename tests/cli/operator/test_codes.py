"""`topup codes`: a code is printed once, goes into a file whole, and is listed by its end only."""

import csv
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.support.command_line import Topup, result_of, without_settings


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup codes …` on a migrated, empty database."""
    without_settings(monkeypatch, tmp_path)
    environment = {"TOPUP_DATABASE_URL": database_url, "TOPUP_SECRET_KEY": "5f" * 32}

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["codes", *words], env=environment)

    return run


def test_codes_are_printed_when_they_are_made_and_never_again(topup: Topup) -> None:
    made = result_of(topup("create", "--credits", "1000", "--count", "5", "--json"))
    listed = topup("list", "--json")
    batches = result_of(topup("batches", "--json"))

    codes = [item["code"] for item in made["items"]]
    assert len(set(codes)) == 5
    assert all(code.startswith("TOPUP-") and len(code) == 20 for code in codes)
    assert made["batch"]["environment"] == "staging"
    assert (made["batch"]["credits"], made["batch"]["uses"]) == (1000, 1)
    assert not any(code in listed.stdout for code in codes)
    assert {item["last4"] for item in result_of(listed)["items"]} == {code[-4:] for code in codes}
    assert [batch["id"] for batch in batches["items"]] == [made["batch"]["id"]]


def test_people_see_one_code_a_line(topup: Topup) -> None:
    result = topup("create", "--credits=1000", "--count=3")

    assert result.exit_code == 0
    assert result.stdout.count("TOPUP-") == 3
    assert "shown this once" in result.stderr


def test_a_file_gets_all_codes_and_is_its_owners_alone(topup: Topup, tmp_path: Path) -> None:
    result = topup(
        "create", "--credits=50", "--count=1200", "--environment=live", "--csv=codes.csv", "--json"
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

    result = topup("create", "--credits=50", "--csv=codes.csv")
    missing = topup("create", "--credits=50", "--csv=no/such/folder.csv")

    assert (result.exit_code, missing.exit_code) == (1, 1)
    assert "exists already" in result.stderr
    assert (tmp_path / "codes.csv").read_text() == "mine"
    assert result_of(topup("batches", "--json"))["items"] == []


def test_standard_output_takes_csv_alone(topup: Topup) -> None:
    result = topup("create", "--credits=50", "--count=2", "--csv=-")

    lines = result.stdout.splitlines()
    assert lines[0] == "code,credits,environment"
    assert [line.endswith(",50,staging") for line in lines[1:]] == [True, True]


def test_a_code_and_a_batch_are_disabled_by_their_ids(topup: Topup) -> None:
    batch = result_of(topup("create", "--credits=50", "--count=2", "--json"))["batch"]["id"]
    first = result_of(topup("list", "--batch", batch, "--json"))["items"][0]

    one = result_of(topup("disable", first["id"], "--json"))
    whole = result_of(topup("disable", batch, "--json"))
    unknown = topup("disable", "rdb_0000000000000000")
    nonsense = topup("disable", "TOPUP-0000-0000-0000")

    assert one["status"] == "disabled"
    assert whole["disabled_at"] is not None
    assert (unknown.exit_code, nonsense.exit_code) == (1, 1)
    assert "not found" in unknown.stderr


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--credits=0",), "--credits"),
        (("--credits=1.5",), "--credits"),
        (("--credits=1", "--count=1000001"), "--count"),
        (("--credits=1", "--expires-at=tomorrow"), "2026-06-13T12:00:00Z"),
        (("--credits=1", "--expires-at=2020-01-01T00:00:00Z"), "expired already"),
        (("--credits=1", "--days=7"), "promotional"),
        (("--credits=1", "--count=10001"), "--csv"),
        ((), "--credits"),
    ],
)
def test_nonsense_makes_nothing(words: tuple[str, ...], said: str, topup: Topup) -> None:
    result = topup("create", *words)

    assert result.exit_code in {1, 2}
    assert said in result.stderr
    assert result_of(topup("batches", "--json"))["items"] == []
